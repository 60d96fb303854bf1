"""A mail server for tests: real sockets, the mails that it takes, and answers or misbehaviour as told."""

import base64
import socket
import ssl
import threading
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import BinaryIO, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A mail that the server has said 250 to."""

    sender: str
    recipient: str
    content: bytes
    user: str | None
    secured: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, read as a mail program would."""
        return message_from_bytes(self.content, policy=SMTP_POLICY)


@dataclass(slots=True, kw_only=True)
class Manners:
    """How the server behaves. *replies* are given, in turn, in place of a verb's usual one.

    *silent_at* says nothing to that verb until the server closes; *drip_s* sends each byte of the reply to
    *drip_at* so far apart; *dropped_at* breaks the connection off there.
    """

    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None
    password: str | None = None
    replies: dict[str, list[str]] = field(default_factory=dict)
    silent_at: str | None = None
    drip_at: str | None = None
    drip_s: float = 0.05
    dropped_at: str | None = None


class PostOffice:
    """The server, on a port of its own while its `with` block lasts; takes every mail unless told otherwise."""

    def __init__(self, *, host: str = "127.0.0.1", **manners: object) -> None:
        self.manners = Manners(**manners)  # type: ignore[arg-type]
        self.taken: list[Taken] = []
        self.verbs: list[str] = []
        self.connections = 0
        self._closing = threading.Event()
        self._used: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def url(self, *, scheme: str = "smtp", who: str = "") -> str:
        """Return the address of this server as a setting."""
        return f"{scheme}://{who}127.0.0.1:{self.port}"

    def reply_to(self, verb: str) -> str | None:
        """Return the next scripted reply to *verb*, None where there is none."""
        with self._lock:
            self.verbs.append(verb)
            script, turn = self.manners.replies.get(verb, []), self._used[verb]
            self._used[verb] += 1
        return script[turn] if turn < len(script) else None

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError, ValueError):
            conversation = _Conversation(self, connection, self._closing)
            stack.callback(conversation.close)
            conversation.hold()


class _Conversation:
    """One connection, from the greeting to the farewell (RFC 5321)."""

    def __init__(self, office: PostOffice, connection: socket.socket, closing: threading.Event) -> None:
        self._office, self._manners, self._closing = office, office.manners, closing
        self._connection = connection
        self._file: BinaryIO = connection.makefile("rb")
        self._secured, self._user = False, None if self._manners.password else ""
        self._addresses: dict[str, str] = {}

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def hold(self) -> None:
        if self._manners.tls is not None:
            self._secure(self._manners.tls)
        self._say("GREETING", "220 post.test ESMTP")
        while line := self._file.readline(2000).decode().strip():
            verb, _, rest = line.partition(" ")
            if not self._answer(verb.upper(), rest):
                return

    def _answer(self, verb: str, rest: str) -> bool:
        match verb:
            case "EHLO" | "HELO":
                self._say(verb, self._extensions())
            case "STARTTLS" if self._manners.starttls is not None:
                self._say(verb, "220 go on")
                self._secure(self._manners.starttls)
            case "AUTH":
                self._sign_in(rest)
            case "MAIL" | "RCPT" | "RSET":
                self._addresses[verb] = rest.partition("<")[2].partition(">")[0]
                self._say(verb, "250 ok")
            case "DATA":
                return self._take()
            case "QUIT":
                self._say(verb, "221 bye")
                return False
            case _:
                self._say(verb, "502 no such verb")
        return True

    def _extensions(self) -> str:
        offers = ["post.test", "SMTPUTF8", "8BITMIME"]
        if self._manners.starttls is not None and not self._secured:
            offers.append("STARTTLS")
        if self._manners.password is not None:
            offers.append("AUTH PLAIN")
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    def _sign_in(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        if password == self._manners.password:
            self._user = user
            self._say("AUTH", "235 welcome")
        else:
            self._say("AUTH", "535 5.7.8 wrong password for " + user)

    def _take(self) -> bool:
        if self._user is None:
            self._say("DATA", "530 5.7.0 sign in first")
            return True
        if not self._say("DATA", "354 go on").startswith("354"):
            return True
        lines = []
        while (line := self._file.readline(2000)) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b"..") else line)
        if self._manners.dropped_at == "CONTENT":
            return False
        scripted = self._office.reply_to("CONTENT") or "250 2.0.0 taken"
        if scripted.startswith("250"):
            taken = Taken(
                sender=self._addresses["MAIL"],
                recipient=self._addresses["RCPT"],
                content=b"".join(lines),
                user=self._user or None,
                secured=self._secured,
            )
            self._office.taken.append(taken)
        self._send("CONTENT", scripted)
        return True

    def _say(self, verb: str, usual: str) -> str:
        reply = self._office.reply_to(verb) or usual
        self._send(verb, reply)
        return reply

    def _send(self, verb: str, reply: str) -> None:
        if self._manners.dropped_at == verb:
            raise ConnectionAbortedError
        if self._manners.silent_at == verb:
            self._closing.wait()
            raise ConnectionAbortedError
        data = f"{reply}\r\n".encode()
        if self._manners.drip_at != verb:
            self._connection.sendall(data)
            return
        for place in range(len(data)):
            self._connection.sendall(data[place : place + 1])
            if self._closing.wait(self._manners.drip_s):
                raise ConnectionAbortedError

    def _secure(self, context: ssl.SSLContext) -> None:
        self._file.close()
        self._connection = context.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")
        self._secured = True
