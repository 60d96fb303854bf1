"""No more of a body is read than the limit allows, whether or not its length was announced."""

import io

import pytest

from api.body_limit import BodyLimit, CountedBody
from psms.errors import BodyTooLarge, MalformedRequest

LIMIT = 100_000


class Endless:
    """A sender that never stops, and remembers how much was taken of it."""

    def __init__(self):
        self.taken = 0

    def read(self, size, /):
        self.taken += size
        return b"x" * size


def reader(source, announced=0):
    return io.BufferedReader(CountedBody(source, limit=LIMIT, announced=announced))


def test_a_body_of_exactly_the_limit_is_read():
    assert reader(io.BytesIO(b"x" * LIMIT)).read() == b"x" * LIMIT


def test_one_byte_more_is_refused():
    with pytest.raises(BodyTooLarge, match=r"larger than the limit of 100000 bytes\."):
        reader(io.BytesIO(b"x" * (LIMIT + 1))).read()


@pytest.mark.parametrize("size", [-1, 10_000_000])
def test_of_an_endless_body_one_byte_beyond_the_limit_is_read(size):
    source = Endless()

    with pytest.raises(BodyTooLarge):
        reader(source).read(size)

    assert source.taken == LIMIT + 1


def test_lines_are_counted_too():
    body = reader(io.BytesIO(b"line\n" * (LIMIT // 5) + b"more"))

    with pytest.raises(BodyTooLarge):
        body.readlines()


def test_a_body_that_ends_before_its_announced_length_is_refused():
    with pytest.raises(MalformedRequest, match=r"ended before its announced length\."):
        reader(io.BytesIO(b'{"whole": true}'), announced=500).read()


def test_a_body_of_its_announced_length_is_read():
    assert reader(io.BytesIO(b"12345"), announced=5).read() == b"12345"


def test_pieces_come_as_they_were_asked_for():
    body = reader(io.BytesIO(b"first\nsecond"))

    assert (body.readline(), body.read(3), body.read(), body.read()) == (b"first\n", b"sec", b"ond", b"")


def test_the_middleware_stands_between_server_and_application():
    def application(environ, _start_response):
        return [environ["wsgi.input"].read()]

    def start_response(*_):
        raise AssertionError

    limited = BodyLimit(application, LIMIT)

    assert limited({"wsgi.input": io.BytesIO(b"small")}, start_response) == [b"small"]
    with pytest.raises(BodyTooLarge):
        limited({"wsgi.input": Endless()}, start_response)
