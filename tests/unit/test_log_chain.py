"""The canonical form of an entry and what is hashed: one text for one entry, whoever writes it down, and no floats."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psms.domain.log_chain import (
    GENESIS,
    Checkpoint,
    KeptEntry,
    canonical,
    checkpoint_from,
    checkpoint_message,
    checkpoint_text,
    link,
)

ORGANIZATION = UUID("0192f0c1-0000-7000-8000-000000000001")
ENTRY = KeptEntry(
    organization_id=ORGANIZATION,
    id=UUID("0192f0c1-0000-7000-8000-000000000002"),
    at=datetime(2026, 11, 22, 9, 5, 7, 80, tzinfo=UTC),
    action="ticket.created",
    outcome="done",
    actor_id=UUID("0192f0c1-0000-7000-8000-000000000003"),
    client_id=None,
    request_id="request",
    address="192.0.2.1",
    target_type="ticket",
    target_id=None,
    before=None,
    after='{"b": 1.50, "a": ["é", true, null, 12345678901234567890123]}',
)
TEXT = (
    '{"action":"ticket.created","actor_id":"0192f0c1-0000-7000-8000-000000000003","address":"192.0.2.1",'
    '"after":{"a":["\\u00e9",true,null,12345678901234567890123],"b":1.50},"at":"2026-11-22T09:05:07.000080Z",'
    '"before":null,"client_id":null,"id":"0192f0c1-0000-7000-8000-000000000002",'
    '"organization_id":"0192f0c1-0000-7000-8000-000000000001","outcome":"done","request_id":"request",'
    '"target_id":null,"target_type":"ticket"}'
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_an_entry_has_the_one_text_that_is_written_here():
    assert canonical(ENTRY).decode() == TEXT


def test_the_hash_is_the_one_that_is_documented():
    expected = hashlib.sha256(b"\x00psms.log.v1" + GENESIS + TEXT.encode()).digest()

    assert link(GENESIS, ENTRY) == expected


def test_an_instant_has_the_same_text_in_every_zone():
    elsewhere = replace(ENTRY, at=ENTRY.at.astimezone(timezone(timedelta(hours=5, minutes=30))))

    assert canonical(elsewhere) == canonical(ENTRY)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_order_and_spacing_of_json_change_nothing(values):
    one = replace(ENTRY, after=json.dumps(values, indent=1))
    other = replace(ENTRY, after=json.dumps(dict(reversed(values.items())), ensure_ascii=False))

    assert canonical(one) == canonical(other)
    assert json.loads(canonical(one))["after"] == values


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.5", '"1.5"'), ("1", "1.0"), ("1.50", "1.5"), ("null", '"null"'), ("0.1", "0.1000000000000000055")],
)
def test_what_differs_in_the_database_differs_in_the_hash(one, other):
    entries = [replace(ENTRY, after=f'{{"value": {value}}}') for value in (one, other)]

    assert link(GENESIS, entries[0]) != link(GENESIS, entries[1])


@pytest.mark.parametrize("field", ["organization_id", "id", "actor_id", "action", "outcome", "address", "request_id"])
def test_every_field_is_in_the_hash(field):
    changed: Any = replace(ENTRY)
    object.__setattr__(changed, field, None)

    assert link(GENESIS, changed) != link(GENESIS, ENTRY)


def test_a_checkpoint_survives_its_line():
    message = checkpoint_message(ORGANIZATION, 7, GENESIS)
    checkpoint = Checkpoint(
        organization_id=ORGANIZATION, seq=7, hash=GENESIS, at=ENTRY.at, key_id="key", signature=message
    )

    assert checkpoint_from(checkpoint_text(checkpoint)) == checkpoint
    assert message == f"psms.log.checkpoint.v1|{ORGANIZATION}|7|{'00' * 32}".encode()


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"organization_id": 1}', '{"seq": "x"}', "{"])
def test_a_line_that_is_no_checkpoint_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        checkpoint_from(line)
