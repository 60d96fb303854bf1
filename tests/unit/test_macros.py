"""Placeholders: a fixed list, checked when a macro is saved, and filled in once."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from psms.domain.macros import PLACEHOLDERS, MacroContent, MacroVisibility, filled, placeholders_in, require_sound
from psms.domain.tickets import Visibility
from psms.errors import FieldError

REPLY = MacroContent(
    name="Solved",
    visibility=MacroVisibility.MINE,
    team_id=None,
    set_fields={},
    add_tags=[],
    remove_tags=[],
    action=None,
    reply="Hello",
    reply_visibility=Visibility.PUBLIC,
)


def test_every_placeholder_of_the_list_is_taken() -> None:
    text = " ".join(f"{{{{ {name} }}}}" for name in PLACEHOLDERS)

    require_sound(replace(REPLY, reply=text))
    assert placeholders_in(text) == set(PLACEHOLDERS)


@pytest.mark.parametrize(
    "reply", ["{{ticket.secret}}", "{{}}", "{{ticket}}", "{{ticket.number", "}} off", "{{{{me.name}}}}", "{{1 + 1}}"]
)
def test_anything_else_in_braces_is_refused(reply: str) -> None:
    with pytest.raises(FieldError) as refused:
        require_sound(replace(REPLY, reply=reply))

    assert refused.value.detail.startswith("reply: ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reply": None, "reply_visibility": None}, "name"),
        ({"reply": None, "add_tags": ["a"]}, "reply_visibility"),
        ({"team_id": UUID(int=1)}, "team_id"),
        ({"visibility": MacroVisibility.TEAM}, "team_id"),
    ],
)
def test_a_macro_that_contradicts_itself_or_does_nothing_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        require_sound(replace(REPLY, **change))

    assert refused.value.detail.startswith(f"{field}: ")


def test_what_is_put_in_is_not_looked_into_again() -> None:
    values = {"ticket.subject": "{{me.name}}", "me.name": "Ada"}

    assert filled("{{ticket.subject}} of {{ me.name }}, {{assignee.name}}", values) == "{{me.name}} of Ada, "


@pytest.mark.parametrize("subject", ["", "x" * 70_000])
def test_a_reply_that_is_nothing_or_too_long_once_filled_in_is_refused(subject: str) -> None:
    with pytest.raises(FieldError):
        filled("{{ticket.subject}}", {"ticket.subject": subject})
