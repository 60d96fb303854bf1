"""A partner for tests: a real HTTP(S) server that records what it gets, and answers or misbehaves as told."""

import datetime as dt
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_RESET = struct.pack("ii", 1, 0)
_BACKLOG = 512
_LOOK_S = 0.02
_BLOCK = 64 * 1024
_CHUNK = 1000
_ENDLESS_BYTES = 5 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the partner does with one request.

    *delay_s* passes before the first byte, and nothing comes before *until* is set. *drip_head_s* and *drip_body_s*
    send that part byte by byte, so many seconds apart. *raw* is sent in place of a response, and dripped like a head.
    *endless* sends until nobody reads. *hang* says nothing until the receiver closes; *reset* breaks the connection
    off.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    until: threading.Event | None = None
    drip_head_s: float = 0.0
    drip_body_s: float = 0.0
    raw: bytes | None = None
    chunked: bool = False
    endless: bool = False
    hang: bool = False
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came: header names in lower case, *at* by `time.monotonic`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


class Authority:
    """A throwaway certificate authority."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        # Two authorities must not pass for one with two keys.
        name = f"PSMS test authority {x509.random_serial_number()}"
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = self._signed(self._name, self._key, basic)

    @cached_property
    def client_context(self) -> ssl.SSLContext:
        """Trusts this authority and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=_pem(self._certificate).decode())
        return context

    def server_context(self, *hosts: str, days: int = 1) -> ssl.SSLContext:
        """Return a server's context with a certificate for *hosts*; expired where *days* is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        certificate = self._signed(x509.Name([]), key, names, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with tempfile.TemporaryDirectory() as directory:
            chain = Path(directory, "chain.pem")
            chain.write_bytes(private + _pem(certificate))
            context.load_cert_chain(chain)
        return context

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        *,
        days: int = 1,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=10),
            not_valid_after=now + dt.timedelta(days=days),
        )
        # A certificate without a subject must have critical names (RFC 5280, section 4.2.1.6).
        return builder.add_extension(extension, critical=True).sign(self._key, hashes.SHA256())


class Receiver:
    """The partner, listening on *host* while its `with` block lasts; answers 200 unless told otherwise.

    *name* is the host in its URLs, where that is not *host*.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._name = name or host
        self._tls = tls
        self._script: dict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self.received: list[Received] = []
        self.connections = 0
        self.sent_bytes = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def url(self, path: str = "/") -> str:
        """Return the URL of *path* here."""
        host = f"[{self._name}]" if ":" in self._name else self._name
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def answer(self, path: str, *answers: Answer) -> None:
        """Give *answers* to the next requests for *path*, in order; the last one goes on for ever."""
        with self._lock:
            self._script[path] = list(answers)

    def distinct_ids(self) -> set[str]:
        """Return the `webhook-id` of everything received so far."""
        return {request.headers.get("webhook-id", "") for request in list(self.received)}

    @property
    def connected(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._open)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(suppress(OSError))
            # The plain socket, closed and shut whatever becomes of its TLS.
            duplicate = stack.enter_context(connection.dup())
            stack.enter_context(self._registered(duplicate))
            stack.callback(connection.close)
            if self._tls is not None:
                connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = stack.enter_context(connection.makefile("rb"))
            while (request := _read_request(reader)) is not None:
                self.received.append(request)
                if not self._reply(connection, self._next_answer(request.path), request):
                    return

    @contextmanager
    def _registered(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _next_answer(self, path: str) -> Answer:
        with self._lock:
            script = self._script.get(path)
            if not script:
                return Answer()
            return script.pop(0) if len(script) > 1 else script[0]

    def _reply(self, connection: socket.socket, answer: Answer, request: Received) -> bool:
        """Answer *request* and tell whether the connection may bring another one."""
        self._closing.wait(None if answer.hang else answer.delay_s)
        while answer.until and not self._closing.is_set() and not answer.until.wait(_LOOK_S):
            pass
        if answer.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return False
        if answer.raw is not None:
            self._send(connection, answer.raw, answer.drip_head_s)
            return False
        self._send(connection, _head(answer), answer.drip_head_s)
        self._send(connection, _body(answer), answer.drip_body_s)
        while answer.endless and not self._closing.is_set():
            self._send(connection, bytes(_BLOCK), 0.0)
        return request.headers.get("connection") != "close" and not self._closing.is_set()

    def _send(self, connection: socket.socket, data: bytes, pause_s: float) -> None:
        pieces = [data[at : at + 1] for at in range(len(data))] if pause_s else [data]
        for piece in pieces:
            connection.sendall(piece)
            with self._lock:
                self.sent_bytes += len(piece)
            if pause_s and self._closing.wait(pause_s):
                return


def _read_request(reader: BinaryIO) -> Received | None:
    words = reader.readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    headers = {}
    while line := reader.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Received(method=words[0], path=words[1], headers=headers, body=body, at=time.monotonic())


def _head(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    if answer.chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(_ENDLESS_BYTES if answer.endless else len(answer.body))
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _body(answer: Answer) -> bytes:
    if not answer.chunked:
        return answer.body
    chunks = [answer.body[at : at + _CHUNK] for at in range(0, len(answer.body), _CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
