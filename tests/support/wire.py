"""A proxy before PostgreSQL that counts what a client sends; it changes nothing, and knows nothing of the product."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

# Frontend messages (PostgreSQL's documentation, "Message Formats"): a simple query, and an execution of a portal.
_QUERY, _EXECUTE = b"Q", b"E"
# Backend: the server waits for the next command. The client has waited until then: one round trip.
_READY = b"Z"
_PLAINLY = b"N"
_SSL_REQUEST = 80877103


class CountingProxy:
    """Passes on between a client and PostgreSQL; *statements* and *round_trips* grow as they are sent."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.statements = 0
        self.round_trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nothing more; what is connected lives on until one side ends."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._begin, args=(client,), daemon=True).start()

    def _begin(self, client: socket.socket) -> None:
        server = socket.create_connection(self._server)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = _start_message(client)
        if struct.unpack("!I", start[4:8])[0] == _SSL_REQUEST:
            client.sendall(_PLAINLY)
            start = _start_message(client)
        server.sendall(start)
        threading.Thread(target=self._pass_on, args=(server, client, self._heard_from_server), daemon=True).start()
        self._pass_on(client, server, self._heard_from_client)

    def _pass_on(self, source, target, heard) -> None:
        waiting = b""
        with suppress(OSError), source, target:
            while data := source.recv(65_536):
                waiting += data
                while len(waiting) >= 5 and len(waiting) > (length := struct.unpack("!I", waiting[1:5])[0]):
                    heard(waiting[:1], waiting[5 : length + 1])
                    waiting = waiting[length + 1 :]
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _heard_from_client(self, kind: bytes, body: bytes) -> None:
        with self._lock:
            if kind == _EXECUTE:
                self.statements += 1
            if kind == _QUERY:
                self.statements += len([part for part in body.rstrip(b"\0").split(b";") if part.strip()])

    def _heard_from_server(self, kind: bytes, _body: bytes) -> None:
        with self._lock:
            self.round_trips += kind == _READY


def _start_message(client: socket.socket) -> bytes:
    length = client.recv(4, socket.MSG_WAITALL)
    return length + client.recv(struct.unpack("!I", length)[0] - 4, socket.MSG_WAITALL)


@contextmanager
def counted(url: str) -> Iterator[tuple[CountingProxy, str]]:
    """Lend a proxy before the server of *url*, and the URL by which a client goes through it."""
    parts = urlsplit(url)
    proxy = CountingProxy(parts.hostname or "", parts.port or 5432)
    where = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    try:
        yield proxy, urlunsplit(parts._replace(netloc=where))
    finally:
        proxy.close()
