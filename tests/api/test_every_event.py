"""Every type of event, told by the code that tells it, is as the catalogue publishes it."""

import json
from dataclasses import replace

import pytest

from psms.domain.events import EventType
from psms.settings import Settings
from tests.support.event_schemas import strictly
from tests.support.every_event import EveryEvent
from tests.support.relations import Tickets


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive what goes by here."""
    return replace(settings, token_lifetime_s=86_400)


def test_every_event_is_told_and_is_as_its_schema_says(client, rt, demo, database):
    endpoint = client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:8099/hook"}).headers["Location"]

    EveryEvent(Tickets(client), str(demo.actor.user_id), rt, database).happen(endpoint)

    told = [(EventType(kind), json.loads(bytes(body))) for kind, body in database.rows("SELECT type, body FROM events")]
    assert set(EventType) - {kind for kind, _ in told} == set()
    assert {(kind.value, error.message) for kind, event in told for error in strictly(kind).iter_errors(event)} == set()
