"""The catalogue of events as the tables and examples that `docs/events.md` shows. What it means is in the code."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from psms.domain.event_catalogue.definitions import CATALOGUE, EventDefinition
from psms.domain.event_catalogue.examples import example_of
from psms.domain.event_catalogue.schemas import event_schema
from psms.domain.events import EventType
from psms.encoding import json_bytes

# Where each part of `data` can be seen.
_PARTS = {
    "ticket": EventType.TICKET_CREATED,
    "comment": EventType.TICKET_COMMENTED,
    "sla": EventType.SLA_BREACHED,
    "page": EventType.PAGE_TRIGGERED,
}


def event_page() -> str:
    """Return what is generated of the page."""
    return "\n".join([*_overview(), *_parts(), *_sections()]).rstrip() + "\n"


def _overview() -> Iterator[str]:
    yield "## All events\n"
    yield "| type | schema_version | what happened |"
    yield "|---|---|---|"
    for one in CATALOGUE.values():
        version = event_schema(one.type)["properties"]["schema_version"]["const"]
        yield f"| [`{one.type}`](#{one.type.value.replace('.', '')}) | {version} | {one.description} |"
    yield ""


def _parts() -> Iterator[str]:
    yield "## What data is made of\n"
    for name, seen_in in _PARTS.items():
        yield f"`data.{name}`:\n"
        yield from _table(event_schema(seen_in)["properties"]["data"]["properties"][name])


def _sections() -> Iterator[str]:
    yield "## Each event\n"
    for one in CATALOGUE.values():
        yield f"### {one.type}\n"
        yield f"{one.description}\n"
        yield from _changes(one)
        yield "```json"
        yield _example(one)
        yield "```\n"


def _changes(one: EventDefinition) -> Iterator[str]:
    if one.changes:
        yield "`data.changes` has those of these that changed, each with `before` and `after`:\n"
        yield from _table({"properties": one.changes, "required": []})


def _table(schema: dict[str, Any]) -> Iterator[str]:
    yield "| name | type |"
    yield "|---|---|"
    for name, value in schema["properties"].items():
        yield f"| `{name}` | {_words(value)} |"
    yield ""


def _words(schema: dict[str, Any]) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "enum" in schema:
        kinds = ["one of " + " ".join(f"`{one}`" for one in schema["enum"] if one is not None), *kinds[1:]]
    elif "format" in schema:
        kinds = [schema["format"], *kinds[1:]]
    elif "items" in schema:
        kinds = [f"array of {_words(schema['items'])}", *kinds[1:]]
    return " or ".join(kinds)


def _example(one: EventDefinition) -> str:
    event = json.loads(json_bytes(example_of(one.type)))
    # Whole once: the ticket is the same in all of them.
    if one.type is not EventType.TICKET_CREATED and "ticket" in event["data"]:
        event["data"]["ticket"] = {name: event["data"]["ticket"][name] for name in ("id", "number", "version")}
    return json.dumps(event, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    # So that whoever changes the catalogue can paste the new tables.
    sys.stdout.write(event_page())
