"""What a notification says to the person who gets it, in plain text. Pure; recipients are found in `workflows`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

_LONGEST_SUBJECT = 200
_KINDS = {
    "sla.at_risk": "Soon due",
    "sla.breached": "Overdue",
    "sla.escalated": "Escalated",
    "ola.at_risk": "Soon to be passed on",
    "ola.breached": "With the team for too long",
    "ola.escalated": "Escalated",
    "ticket.rating_asked": "How satisfied are you",
    "ticket.mentioned": "You were mentioned",
    "approval.requested": "Your approval is asked for",
    "approval.reminder": "Your approval is still asked for",
    "approval.escalated": "Your approval is asked for",
    "approval.expired": "Your approval came too late",
}
_SENTENCES = {
    "sla.at_risk": "Ticket {number} has used up most of the time promised for {metric}.",
    "sla.breached": "The time promised for {metric} of ticket {number} is used up.",
    "sla.escalated": "Ticket {number} was escalated, because the time promised for {metric} is used up.",
    "ola.at_risk": "Ticket {number} has been with its team for most of the time that the teams agreed on.",
    "ola.breached": "Ticket {number} has been with its team for longer than the teams agreed on.",
    "ola.escalated": "Ticket {number} was escalated: it has been with its team for longer than the teams agreed on.",
    "ticket.rating_asked": "Ticket {number} has been resolved. How satisfied are you with how it was dealt with, "
    "from 1 (not at all) to 5 (very)?",
    "ticket.mentioned": "You were mentioned in a comment on ticket {number}.",
    "approval.requested": "Ticket {number} waits for your approval.",
    "approval.reminder": "Ticket {number} still waits for your approval.",
    "approval.escalated": "Ticket {number} waits for your approval: those asked first have not answered in time.",
    "approval.expired": "The time to approve ticket {number} is over: you are not asked any more.",
}
_METRICS = {
    "first_response": "a first response",
    "next_response": "the next response",
    "resolution": "the resolution",
    "periodic_update": "an update",
    "with_team": "the time with a team",
}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class Because(StrEnum):
    """Why somebody is told."""

    ASSIGNEE = "assignee"
    TEAM = "team"
    LEAD = "lead"
    WATCHER = "watcher"
    DUTY = "duty"
    REQUESTER = "requester"
    MENTIONED = "mentioned"
    APPROVER = "approver"
    WEBHOOKS = "webhooks"


_REASONS = {
    Because.ASSIGNEE: "You get this mail because the ticket is assigned to you.",
    Because.TEAM: "You get this mail because the ticket is your team's and assigned to nobody.",
    Because.LEAD: "You get this mail because the ticket is assigned to nobody and you lead the desk.",
    Because.WATCHER: "You get this mail because you follow the ticket.",
    Because.DUTY: "You get this mail because you are the manager on duty, or stand in where nobody is.",
    Because.REQUESTER: "You get this mail because you asked for what the ticket is about.",
    Because.MENTIONED: "You get this mail because somebody mentioned you.",
    Because.APPROVER: "You get this mail because you are asked to approve, or stand in for somebody who is.",
    Because.WEBHOOKS: "You get this mail because you manage the webhooks of your organization.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What happened to which ticket. *kind* is a type of event; *metric* and *due_at* are those of its clock."""

    kind: str
    at: datetime
    ticket_id: UUID
    number: int
    subject: str
    status: str
    priority: str
    metric: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A subject of one line and a body."""

    subject: str
    body: str


def notice_text(notice: Notice, *, name: str, because: Because, organization: str, public_url: str) -> Text:
    """Return what the person called *name* is told. The same arguments give the same text, whenever it is sent."""
    headline = _KINDS.get(notice.kind, "For your attention")
    subject = f"[#{notice.number}] {headline}: {one_line(notice.subject)}"
    facts = [
        ("Ticket", f"#{notice.number} {one_line(notice.subject)}"),
        ("Priority", notice.priority),
        ("Status", notice.status.replace("_", " ")),
        *_due(notice),
    ]
    paragraphs = (
        f"Hello {one_line(name)},",
        _happened(notice),
        "\n".join(f"  {label:<9} {value}" for label, value in facts),
        ticket_link(public_url, notice.ticket_id),
        reason_of(because),
        f"-- \n{one_line(organization)}, by PSMS",
    )
    return Text(subject=_cut(subject), body="\n\n".join(paragraphs) + "\n")


def reason_of(because: Because) -> str:
    """Return the sentence that tells somebody why they are told."""
    return _REASONS[because]


def ticket_link(public_url: str, ticket_id: UUID | str) -> str:
    """Return the address of a ticket."""
    return f"{public_url.rstrip('/')}/v1/tickets/{ticket_id}"


def message_id(mail_id: UUID, public_url: str) -> str:
    """Return the Message-ID of a mail, without angle brackets: the same each time it is sent (RFC 5322, 3.6.4)."""
    return f"{mail_id}@{mail_domain(public_url)}"


def mail_domain(public_url: str) -> str:
    """Return the host of *public_url* as mails name it: an address in brackets (RFC 5321, section 4.1.3)."""
    host = urlsplit(public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def one_line(text: str) -> str:
    """Return *text* with each run of white space, line breaks and control characters as one space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def span_in_words(span: timedelta) -> str:
    """Return a span as a person says it, in its two greatest units: `2 hours and 5 minutes`."""
    seconds, parts = int(abs(span).total_seconds()), []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " and ".join(parts[:2]) or "less than a minute"


def instant_in_words(at: datetime) -> str:
    """Return an instant in UTC as a person writes it: `Monday 3 March 2025, 14:05 UTC`."""
    at = at.astimezone(UTC)
    return f"{at:%A} {at.day} {at:%B %Y, %H:%M} UTC"


def _happened(notice: Notice) -> str:
    sentence = _SENTENCES.get(notice.kind, "Ticket {number} needs your attention.")
    return sentence.format(number=f"#{notice.number}", metric=metric_in_words(notice.metric))


def metric_in_words(metric: str | None) -> str:
    """Return what is promised, as a person says it."""
    return _METRICS.get(metric or "", "what was promised")


def _due(notice: Notice) -> list[tuple[str, str]]:
    if notice.due_at is None:
        return []
    distance = span_in_words(notice.due_at - notice.at)
    relation = f"{distance} before this was written" if notice.due_at <= notice.at else f"in {distance}"
    return [("Due", f"{instant_in_words(notice.due_at)} ({relation})")]


def _cut(subject: str) -> str:
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[: _LONGEST_SUBJECT - 1] + "…"
