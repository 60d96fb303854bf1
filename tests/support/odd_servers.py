"""Servers that are no partners at all: one that never answers, and one that says what it likes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Listen without ever accepting, the backlog full: a new connection gets no answer at all."""
    with socket.create_server((host, port), backlog=0) as listener:
        queued = [socket.socket() for _ in range(8)]
        for connection in queued:
            connection.setblocking(False)
            connection.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for connection in queued:
                connection.close()


@contextmanager
def reciting_server(text: bytes, *, pause_s: float = 0.0) -> Iterator[int]:
    """Send *text* to the first that connects, whatever it says; byte by byte where *pause_s* is given."""
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_recite, args=(listener, text, pause_s, closing), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            closing.set()
            thread.join(5)


def _recite(listener: socket.socket, text: bytes, pause_s: float, closing: threading.Event) -> None:
    with suppress(OSError), listener.accept()[0] as connection:
        for piece in [bytes([byte]) for byte in text] if pause_s else [text]:
            connection.sendall(piece)
            if closing.wait(pause_s):
                return
        closing.wait(5)
