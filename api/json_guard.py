"""Reading a JSON body strictly: what a database or another parser might trip over is refused here.

What the fields mean is not judged here: that is the schemas' business.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from psms.errors import MalformedJson

MAX_DEPTH = 32

# jsonb would keep larger numbers, but neither our own encoder nor most clients can read them back.
_LARGEST = 2**63 - 1
_MOST_DIGITS = len(str(_LARGEST)) + 1

# PostgreSQL cannot store NUL, and half of a surrogate pair is no character (RFC 8259 section 8.2).
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def parse_json(body: bytes) -> Any:  # noqa: ANN401  # JSON is any value until a schema has looked at it
    """Return the value of a JSON text in UTF-8 (RFC 8259), or raise MalformedJson saying what is wrong.

    Refused besides what is no JSON: NaN and Infinity, a name twice in one object, NUL and lone surrogates,
    numbers beyond 64 bits, and nesting deeper than MAX_DEPTH.
    """
    try:
        text = body.decode()
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8 text.") from None
    except json.JSONDecodeError as problem:
        raise MalformedJson(f"The body is not JSON: {_place(problem)}.") from None
    except RecursionError:
        _refuse_depth()
    # Both walks cost more than the parsing; a body that cannot need them is not walked.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    if "\\u" in text:
        _check_characters(value)
    return value


def has_no_text(value: str) -> bool:
    """Tell whether *value* contains what is no text: NUL or half of a surrogate pair."""
    return _NO_CHARACTER.search(value) is not None


def _place(problem: json.JSONDecodeError) -> str:
    return f"{problem.msg[0].lower()}{problem.msg[1:]} at line {problem.lineno}, column {problem.colno}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("The body has the same name twice in one object.")
    return found


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS or abs(value := int(text)) > _LARGEST:
        _refuse_number()
    return value


def _number(text: str) -> float:
    value = float(text)
    # Infinity for what is too large for a float: also refused here.
    if abs(value) > _LARGEST:
        _refuse_number()
    return value


def _refuse_number() -> NoReturn:
    raise MalformedJson("The body has a number that does not fit into 64 bits: send it as a string.")


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"The body has {name}, which is not JSON.")


def _refuse_depth() -> NoReturn:
    raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_refuse_constant,
    parse_int=_whole_number,
    parse_float=_number,
)


def _check_depth(value: object) -> None:
    level = list(_containers([value]))
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            _refuse_depth()
        level = [inner for outer in level for inner in _containers(_members(outer))]


def _check_characters(value: object) -> None:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            if has_no_text(found):
                raise MalformedJson("The body has a NUL character or half of a surrogate pair in a string.")
        elif isinstance(found, dict):
            waiting.extend(found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _containers(values: Iterable[object]) -> Iterator[dict[str, object] | list[object]]:
    return (value for value in values if isinstance(value, dict | list))


def _members(container: dict[str, object] | list[object]) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container
