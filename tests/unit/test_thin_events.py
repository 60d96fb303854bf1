"""The thin form of an event: never too long, never without what names its ticket, and otherwise as it was."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from psms.domain.event_catalogue.definitions import CATALOGUE
from psms.domain.json_schemas import properties_of
from psms.domain.thin_events import LONGEST_VALUE_BYTES, MOST_BODY_BYTES, thin_form
from psms.domain.tickets import Ticket
from psms.encoding import json_bytes

URL = "https://desk.example/v1/tickets/1"
_TEXTS = st.sampled_from(["", "short", "é" * 1500, "\x01" * 2000, "x" * (LONGEST_VALUE_BYTES - 2)])
_VALUES = (
    _TEXTS | st.none() | st.integers(-9, 9) | st.lists(_TEXTS, max_size=2) | st.dictionaries(_TEXTS, _TEXTS, max_size=1)
)
_EVENTS = st.fixed_dictionaries(
    {
        "id": st.just("1"),
        "data": st.fixed_dictionaries(
            {
                "ticket": st.dictionaries(st.sampled_from(["subject", "tags", "description"]), _VALUES).map(
                    lambda fields: {"id": "1", "number": 1, "version": 7} | fields
                ),
                "changes": st.dictionaries(
                    st.sampled_from(["subject", "tags"]), st.fixed_dictionaries({"before": _VALUES, "after": _VALUES})
                ),
                "comment": st.none() | st.fixed_dictionaries({"id": st.just("2"), "body": _TEXTS}),
                "sla": st.none(),
            }
        ),
    }
)


@given(_EVENTS)
def test_what_is_short_stays_in_its_order_and_what_is_long_goes(event: dict[str, Any]) -> None:
    thin = thin_form(event, URL)

    assert list(thin) == [*event, "truncated", "data_url"]
    for part in ("ticket", "comment"):
        before, after = event["data"][part] or {}, thin["data"][part] or {}
        assert after == {name: value for name, value in before.items() if name in after}
        assert all(
            len(json_bytes(value)) > LONGEST_VALUE_BYTES - 10 for name, value in before.items() if name not in after
        )
    assert thin["data"]["ticket"].items() >= {"id": "1", "number": 1, "version": 7}.items()
    for name, change in event["data"]["changes"].items():
        assert thin["data"]["changes"][name] in (change, {"before": None, "after": None, "truncated": True})
    assert len(json_bytes(thin)) < MOST_BODY_BYTES


def test_the_thin_form_with_as_much_as_can_stay_in_it_is_not_too_long() -> None:
    most = "x" * (LONGEST_VALUE_BYTES - 2)
    half = "x" * (LONGEST_VALUE_BYTES // 2 - 50)
    changes = max((one.changes for one in CATALOGUE.values()), key=len)
    ticket = dict.fromkeys(properties_of(Ticket), most)
    event = {"data": {"ticket": ticket, "changes": {name: {"before": half, "after": half} for name in changes}}}

    thin = thin_form(event, URL)

    assert thin["data"] == event["data"]
    assert len(json_bytes(thin)) < MOST_BODY_BYTES
