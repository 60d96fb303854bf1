"""The schemas of events as they were published, and how they may change. What they are now: `event_catalogue`.

`python -m tests.support.event_schemas` writes what was added, and refuses what is a new version.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from psms.domain.event_catalogue.definitions import CATALOGUE, OFFERED_VERSIONS
from psms.domain.event_catalogue.schemas import event_schema
from psms.domain.events import EventType

PUBLISHED = Path(__file__).parents[1] / "vectors" / "event_schemas.json"

Schemas = dict[str, dict[str, Any]]

_WORDS = {"description", "title"}
_NEW_VERSION = (
    "{name}: {places} changed, which is a new version. Leave the schema of this version as it was, give the new one "
    "the next number in OFFERED_VERSIONS, and say in docs/CHANGELOG.md what partners must do."
)
_ADDED = (
    "{name}: members were added, which is no new version. Run `python -m tests.support.event_schemas`, commit "
    "tests/vectors/event_schemas.json, and name them in docs/CHANGELOG.md."
)


def current() -> Schemas:
    """Return the shape of every schema that is offered, by type and version, without words for people."""
    return {
        one.value: {str(version): _shape(event_schema(one, version)) for version in OFFERED_VERSIONS}
        for one in CATALOGUE
    }


def published() -> Schemas:
    """Return the shapes that partners know."""
    found: Schemas = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return found


def problems(before: Schemas, after: Schemas) -> list[str]:
    """Return a sentence for each schema that is not as it was published, saying what is to be done."""
    return [*_broken(before, after), *_added(before, after)]


def strictly(event_type: EventType) -> Draft202012Validator:
    """Return a validator of an event that also refuses members which its schema does not have."""
    return Draft202012Validator(_closed(event_schema(event_type)), format_checker=FormatChecker())


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield each place where *after* allows what *before* did not, or lacks what it had; members may be added."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        if before != after:
            yield place or "the whole"
        return
    for name in sorted(before.keys() | after.keys()):
        where = f"{place}.{name}" if place else name
        if name == "required":
            yield from (f"{where}.{one}" for one in set(before.get(name, ())) - set(after.get(name, ())))
        elif name == "properties":
            for one, schema in before.get(name, {}).items():
                yield from differences(schema, after.get(name, {}).get(one), f"{where}.{one}")
        else:
            yield from differences(before.get(name), after.get(name), where)


def _broken(before: Schemas, after: Schemas) -> Iterator[str]:
    for name, version, schema in _each(before):
        places = list(differences(schema, after.get(name, {}).get(version)))
        if places:
            yield _NEW_VERSION.format(name=f"{name}, version {version}", places=", ".join(places))


def _added(before: Schemas, after: Schemas) -> Iterator[str]:
    for name, version, schema in _each(after):
        known = before.get(name, {}).get(version)
        if known != schema and (known is None or not list(differences(known, schema))):
            yield _ADDED.format(name=f"{name}, version {version}")


def _each(schemas: Schemas) -> Iterator[tuple[str, str, Any]]:
    for name, versions in schemas.items():
        for version, schema in versions.items():
            yield name, version, schema


def _shape(schema: Any) -> Any:
    """Return a schema without words; *description* may also be the name of a property."""
    if isinstance(schema, list):
        return [_shape(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: {one: _shape(inner) for one, inner in value.items()} if name == "properties" else _shape(value)
        for name, value in schema.items()
        if name not in _WORDS
    }


def _closed(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    closed = {
        name: {one: _closed(inner) for one, inner in value.items()} if name == "properties" else value
        for name, value in schema.items()
    }
    return closed | {"additionalProperties": False} if "properties" in closed and "type" in closed else closed


def _write() -> int:
    known = published() if PUBLISHED.exists() else {}
    broken = list(_broken(known, current()))
    if broken:
        sys.stderr.write("\n".join([*broken, ""]))
        return 1
    lines = (f"{json.dumps(name)}: {json.dumps(versions)}" for name, versions in current().items())
    PUBLISHED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_write())
