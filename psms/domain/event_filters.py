"""Filters: what an endpoint asks of the body of an event before it wants it. Read from documents, judged, and no more.

A judgment is True, False or None, which is "cannot be told"; all and any reckon with it as Kleene's logic does, so
that the order of terms never matters. Who cannot tell delivers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psms.errors import FieldError

DEEPEST: Final = 5
MOST_TERMS: Final = 20
MOST_VALUES: Final = 100
LONGEST_PATH: Final = 200
LONGEST_VALUE: Final = 1000
_NAME: Final = "event_filter"

Scalar = str | int | float | bool | None


class Operator(StrEnum):
    """What a term asks of what is found at its path."""

    EQ = "eq"
    NEQ = "neq"
    IN = "in"
    EXISTS = "exists"
    GT = "gt"
    LT = "lt"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition: *op* of what is found at *path*; for IN there are several *values*, else one."""

    path: tuple[str, ...]
    op: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Holds where all *parts* hold."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """Holds where one of *parts* holds."""

    parts: tuple["Filter", ...]


Filter = Term | AllOf | AnyOf


def filter_of(document: Any) -> Filter:  # noqa: ANN401  # JSON is any value
    """Return the filter that a document describes.

    Raises FieldError, naming the place: at most DEEPEST levels and MOST_TERMS terms.
    """
    found = _filter(document, _NAME, 1)
    if sum(1 for _ in _terms(found)) > MOST_TERMS:
        raise FieldError(_NAME, f"has more than {MOST_TERMS} terms")
    return found


def wants(asked: Filter, event: Mapping[str, Any]) -> bool:
    """Tell whether an endpoint wants an event by its body, as JSON values; what cannot be told it gets."""
    return judge(asked, event) is not False


def judge(asked: Filter, event: Mapping[str, Any]) -> bool | None:
    """Return whether a filter holds for an event's body, or None where that cannot be told."""
    if isinstance(asked, Term):
        return _judge_term(asked, event)
    judged = [judge(part, event) for part in asked.parts]
    decisive = isinstance(asked, AnyOf)
    if decisive in judged:
        return decisive
    return None if None in judged else not decisive


def _judge_term(term: Term, event: Mapping[str, Any]) -> bool | None:
    found = _at(event, term.path)
    # The thin form lacks what was too long: what it was cannot be told.
    if found is None and event.get("truncated") is True:
        return None
    if term.op is Operator.EXISTS:
        return (found is not None) is term.values[0]
    if term.op is Operator.NEQ:
        return not any(_same(one, term.values[0]) for one in _each(found))
    if term.op in {Operator.EQ, Operator.IN}:
        return any(_same(one, value) for one in _each(found) for value in term.values)
    return _any_of([_compare(term.op, one, term.values[0]) for one in _each(found)])


def _any_of(judged: Sequence[bool | None]) -> bool | None:
    if True in judged:
        return True
    return None if None in judged else False


def _at(event: Mapping[str, Any], path: Sequence[str]) -> Any:  # noqa: ANN401  # JSON is any value
    """Return what is at *path*; None where nothing is."""
    found: Any = event
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def _each(found: Any) -> Sequence[Any]:  # noqa: ANN401  # as above
    """Return the elements of a list, and anything else as the only one: of a list one element is enough."""
    return found if isinstance(found, list) else [found]


def _same(found: Any, value: Scalar) -> bool:  # noqa: ANN401  # as above
    # To Python True is 1, to JSON it is not.
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    return bool(found == value)


def _compare(op: Operator, found: Any, value: Scalar) -> bool | None:  # noqa: ANN401  # as above
    if found is None:
        return False
    if isinstance(found, str) and isinstance(value, str):
        return found.startswith(value) if op is Operator.PREFIX else _ordered(op, *_instants(found, value))
    if op is not Operator.PREFIX and _is_number(found) and _is_number(value):
        return _ordered(op, found, value)
    return None


def _ordered(op: Operator, found: Any, value: Any) -> bool:  # noqa: ANN401  # two of a kind
    return bool(found > value if op is Operator.GT else found < value)


def _instants(found: str, value: str) -> tuple[Any, Any]:
    """Return two texts as instants where both are: those with a fraction of a second sort wrongly as texts."""
    try:
        instants = datetime.fromisoformat(found), datetime.fromisoformat(value)
    except ValueError:
        return found, value
    # One without an offset cannot be compared with one that has one.
    return instants if all(one.tzinfo is not None for one in instants) else (found, value)


def _is_number(value: Any) -> bool:  # noqa: ANN401  # as above
    return isinstance(value, int | float) and not isinstance(value, bool)


def _terms(asked: Filter) -> Iterator[Term]:
    if isinstance(asked, Term):
        yield asked
    else:
        for part in asked.parts:
            yield from _terms(part)


def _filter(document: Any, place: str, depth: int) -> Filter:  # noqa: ANN401  # JSON is any value
    if depth > DEEPEST:
        raise FieldError(_NAME, f"is more than {DEEPEST} levels deep")
    if not isinstance(document, dict):
        raise FieldError(place, "must be an object: all, any, or a term with path, op and value")
    if set(document) == {"all"}:
        return AllOf(parts=_parts(document["all"], f"{place}.all", depth))
    if set(document) == {"any"}:
        return AnyOf(parts=_parts(document["any"], f"{place}.any", depth))
    return _term(document, place)


def _parts(documents: Any, place: str, depth: int) -> tuple[Filter, ...]:  # noqa: ANN401  # as above
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_TERMS:
        raise FieldError(place, f"must be a list of 1 to {MOST_TERMS} conditions")
    return tuple(_filter(one, f"{place}.{number}", depth + 1) for number, one in enumerate(documents))


def _term(document: dict[str, Any], place: str) -> Term:
    unknown = set(document) - {"path", "op", "value"}
    if unknown:
        raise FieldError(f"{place}.{min(unknown)}", "unknown: a condition has path, op and value, or all or any alone")
    path, op = document.get("path"), document.get("op")
    if not isinstance(path, str) or len(path) > LONGEST_PATH or not all(path.split(".")):
        raise FieldError(f"{place}.path", "must be names with dots between them, such as data.ticket.priority")
    if not isinstance(op, str) or op not in set(Operator):
        raise FieldError(f"{place}.op", f"must be one of {', '.join(Operator)}")
    if "value" not in document and op != Operator.EXISTS:
        raise FieldError(f"{place}.value", "is missing")
    values = _values(Operator(op), document.get("value", True), f"{place}.value")
    return Term(path=tuple(path.split(".")), op=Operator(op), values=values)


def _values(op: Operator, given: Any, place: str) -> tuple[Scalar, ...]:  # noqa: ANN401  # as above
    if op is Operator.IN:
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_VALUES:
            raise FieldError(place, f"must be a list of 1 to {MOST_VALUES} values")
        return tuple(_scalar(one, f"{place}.{number}") for number, one in enumerate(given))
    value = _scalar(given, place)
    fits = {
        Operator.EXISTS: isinstance(value, bool),
        Operator.PREFIX: isinstance(value, str),
        Operator.GT: isinstance(value, str) or _is_number(value),
        Operator.LT: isinstance(value, str) or _is_number(value),
    }
    if not fits.get(op, True):
        raise FieldError(place, f"is not of a kind that {op} can be asked with")
    return (value,)


def _scalar(given: Any, place: str) -> Scalar:  # noqa: ANN401  # as above
    if given is not None and not isinstance(given, str | int | float):
        raise FieldError(place, "must be a text, a number, true, false or null")
    if isinstance(given, str) and len(given) > LONGEST_VALUE:
        raise FieldError(place, f"is longer than {LONGEST_VALUE} characters")
    return given
