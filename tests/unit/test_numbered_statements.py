"""Names in statements become numbers; that PostgreSQL takes them is tried by everything that asks it."""

from hypothesis import given
from hypothesis import strategies as st

from psms.db.cursors import numbered


def test_each_name_gets_one_number_and_a_doubled_percent_sign_is_one():
    assert numbered("SELECT %(b)s, %(a)s, '%%' LIKE %(b)s") == ("SELECT $1, $2, '%' LIKE $1", ("b", "a"))


def test_a_statement_without_names_stays_as_it_is():
    assert numbered("SELECT 1 % 2") == ("SELECT 1 % 2", ())


@given(st.lists(st.sampled_from(["a", "b", "c_1"])))
def test_every_place_leads_back_to_its_name(names: list[str]):
    text, order = numbered(", ".join(f"%({name})s" for name in names))

    assert [order[int(place.removeprefix("$")) - 1] for place in text.split(", ") if place] == names
    assert sorted(order) == sorted(set(names))
