"""What a person reads of an entry of a timeline: one short sentence for each event, also for unknown ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psms.domain.notices import metric_in_words
from psms.domain.timeline_phrases import PHRASED, phrase

# Short values of few kinds: these are told before and after, of other fields only that they were changed.
_TOLD = frozenset({"status", "stage", "type", "impact", "urgency", "priority"})
_NAMED = frozenset({"assignee_id", "team_id", "service_id", "requester_id", "watcher_id"})
_NOT_WORTH_SAYING = frozenset({"priority_source"})
_MINUTE, _HOUR = 60, 3600

_SLA = {
    "sla.at_risk": "The time promised for {metric} is nearly used up.",
    "sla.breached": "The time promised for {metric} is used up.",
    "sla.escalated": "Escalated, by the level {level} of what was promised for {metric}.",
    "sla.overdue": "The time promised for {metric} has been used up for long.",
    "ola.at_risk": "The time that the teams agreed on is nearly used up.",
    "ola.breached": "The time that the teams agreed on is used up.",
    "ola.escalated": "Escalated, by the level {level} of what the teams agreed on.",
    "ola.overdue": "The time that the teams agreed on has been used up for long.",
    "sla.voided": "{who} declared that the breach of the time for {metric} does not count.",
    "sla.restored": "{who} declared that the breach of the time for {metric} counts again.",
}
_PAGES = {
    "page.triggered": "Somebody is called, by the level {level} of what was promised for {metric}.",
    "page.acknowledged": "{who} answered the call for {metric}.",
    "page.resolved": "Nobody need come any more for {metric}.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a sentence is made of: who did what, and the *names* of what it mentions, of those that may be read."""

    type: str
    who: str
    actor_id: UUID | None
    data: Mapping[str, Any]
    names: Mapping[str, str]

    @property
    def changes(self) -> Mapping[str, Mapping[str, Any]]:
        """The changed fields, each with its value before and after."""
        return self.data.get("changes") or {}


def sentence(told: Told) -> str:
    """Return the sentence."""
    return _SENTENCES.get(told.type, _any)(told)


def mentioned_ids(data: Mapping[str, Any]) -> set[str]:
    """Return the ids, as text, of the people, teams and services that an event's changes name."""
    changes = data.get("changes") or {}
    values = [value for name in _NAMED & set(changes) for value in changes[name].values()]
    return {value for value in values if isinstance(value, str)}


def duration(seconds: int) -> str:
    """Return a length of working time: `1 h 5 min`, and seconds below a minute."""
    if seconds < _MINUTE:
        return f"{seconds} s"
    hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))


def _created(told: Told) -> str:
    return f"{told.who} opened the ticket."


def _commented(told: Told) -> str:
    internal = (told.data.get("comment") or {}).get("visibility") == "internal"
    return f"{told.who} commented{', internally' if internal else ''}."


def _assigned(told: Told) -> str:
    parts = [_given(told, name) for name in ("assignee_id", "team_id") if name in told.changes]
    return f"{told.who} {' and '.join(parts) or 'assigned the ticket'}."


def _given(told: Told, field: str) -> str:
    change, noun = told.changes[field], {"assignee_id": "somebody", "team_id": "a team"}[field]
    after, before = change.get("after"), change.get("before")
    if after is None:
        return f"took the ticket from {told.names.get(str(before), noun)}"
    if field == "assignee_id" and after == str(told.actor_id):
        return "took the ticket"
    return f"gave the ticket to {told.names.get(str(after), noun)}"


def _watching(told: Told) -> str:
    change = told.changes.get("watcher_id", {})
    added = change.get("after") is not None
    user_id = change.get("after") or change.get("before")
    if user_id == str(told.actor_id):
        return f"{told.who} {'follows the ticket' if added else 'follows the ticket no more'}."
    name = told.names.get(str(user_id), "somebody")
    return f"{told.who} {'added' if added else 'removed'} {name} as a follower."


def _of_sla(told: Told) -> str:
    notice = told.data.get("sla") or {}
    return _SLA[told.type].format(who=told.who, metric=metric_in_words(notice.get("metric")), level=notice.get("level"))


def _of_page(told: Told) -> str:
    page = told.data.get("page") or {}
    return _PAGES[told.type].format(who=told.who, metric=metric_in_words(page.get("metric")), level=page.get("level"))


def _time_logged(told: Told) -> str:
    return f"{told.who} worked {duration(told.changes['seconds']['after'])}."


def _time_removed(told: Told) -> str:
    return f"{told.who} took back {duration(told.changes['seconds']['before'])} of work."


def _time_changed(told: Told) -> str:
    seconds = told.changes.get("seconds")
    if seconds is None:
        return f"{told.who} corrected an entry of work."
    return f"{told.who} corrected {duration(seconds['before'])} of work to {duration(seconds['after'])}."


def _rated(told: Told) -> str:
    return f"{told.who} rated the ticket {told.changes['score']['after']} of 5."


def _changed(told: Told) -> str:
    words = _fields(told)
    return f"{told.who} changed {_listed(words or ['the ticket'])}."


def _any(told: Told) -> str:
    happened = told.type.partition(".")[2].replace("_", " ") or told.type
    words = _fields(told)
    return f"{told.who}: {happened}{f', {_listed(words)}' if words else ''}."


def _fields(told: Told) -> list[str]:
    return [_field(name, told.changes[name]) for name in sorted(told.changes) if name not in _NOT_WORTH_SAYING]


def _field(name: str, change: object) -> str:
    words = name.removesuffix("_id").replace("_", " ")
    if name not in _TOLD or not isinstance(change, Mapping):
        return words
    before, after = (str(change.get(side) or "none").replace("_", " ") for side in ("before", "after"))
    return f"{words} from {before} to {after}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


_SENTENCES: Mapping[str, Callable[[Told], str]] = {
    "ticket.created": _created,
    "ticket.commented": _commented,
    "ticket.assigned": _assigned,
    "ticket.updated": _changed,
    "ticket.status_changed": _changed,
    "ticket.watcher_added": _watching,
    "ticket.watcher_removed": _watching,
    "ticket.rated": _rated,
    "time.logged": _time_logged,
    "time.changed": _time_changed,
    "time.removed": _time_removed,
    **dict.fromkeys(_SLA, _of_sla),
    **dict.fromkeys(_PAGES, _of_page),
    **dict.fromkeys(PHRASED, lambda told: phrase(told.type, told.who, told.changes)),
}
