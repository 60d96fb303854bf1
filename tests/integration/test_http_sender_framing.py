"""Answers of which two readers could see different ends: no second answer is read off the connection after one."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic

import pytest

from psms.adapters.http_lines import PROOF_S
from psms.domain.attempts import Outcome
from tests.support.sending import send, sender
from tests.support.waiting import eventually

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SECOND = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
Served = Callable[[socket.socket], None]


@contextmanager
def partner_that(serves: Served) -> Iterator[tuple[str, list[socket.socket]]]:
    """Serve connections, which stay open, and give the URL and the connections so far."""
    taken: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            serves(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                taken.append(connection)
                Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/", taken
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for connection in taken:
                connection.close()


def answering(answer: bytes) -> Served:
    """Answer each request, of one piece, so."""

    def serves(connection: socket.socket) -> None:
        while connection.recv(64 * 1024):
            connection.sendall(answer)

    return serves


def connections_of_two_requests(answer: bytes) -> int:
    with partner_that(answering(answer)) as (url, taken):
        by = sender()
        assert send(by, url).outcome is Outcome.SUCCESS
        answered = monotonic()
        eventually(lambda: monotonic() - answered > PROOF_S)
        assert send(by, url).outcome is Outcome.SUCCESS
        return len(taken)


@pytest.mark.parametrize(
    "answer",
    [
        EMPTY,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nx: y\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["no body", "chunks", "interim"],
)
def test_a_line_is_kept_after_an_answer_whose_end_is_plain(answer):
    assert connections_of_two_requests(answer) == 1


@pytest.mark.parametrize(
    "answer",
    [
        EMPTY + SECOND,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + SECOND,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0_2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\n",
    ],
    ids=["a second", "a second after chunks", "lengths", "both", "gzip", "encodings", "underscore", "sign", "204"],
)
def test_no_line_is_kept_after_an_answer_whose_end_is_in_doubt(answer):
    assert connections_of_two_requests(answer) == 2


def test_an_answer_that_comes_before_the_request_was_read_counts_although_the_connection_is_reset():
    def serves(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(EMPTY)
        # With what was not read: the rest of the request meets a reset.
        connection.close()

    with partner_that(serves) as (url, _):
        result = send(sender(), url, body=bytes(8 * 1024 * 1024))

    assert (result.outcome, result.status) == (Outcome.SUCCESS, 200)
