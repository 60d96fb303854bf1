"""The files of tests that are named as long are there: a name that fits none would let its file begin last."""

from tests.support.order import LONG, TESTS, in_order


def test_every_file_that_is_named_as_long_is_there():
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)


def test_the_longest_come_first_and_those_that_only_reckon_last(request):
    found = [item.path.relative_to(TESTS).as_posix() for item in in_order(reversed(request.session.items))]
    files = list(dict.fromkeys(found))
    long = [name for name in files if name in LONG]

    assert files[: len(long)] == long == sorted(long, key=LONG.index)
    others = [name.partition("/")[0] for name in files[len(long) :]]
    assert "unit" not in others or set(others[others.index("unit") :]) == {"unit"}
