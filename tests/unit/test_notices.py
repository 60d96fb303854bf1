"""What a notification says: plain, in one piece, the same each time; and what becomes of a mail after an exchange."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from psms.domain.mails import Fate, MailState, Verdict, judge
from psms.domain.notices import Because, Notice, mail_domain, message_id, notice_text, span_in_words

AT = datetime(2026, 11, 22, 17, 59, tzinfo=UTC)
TICKET = UUID("01a20479-d352-7410-8a02-69f19e7a15fe")
NOTICE = Notice(
    kind="sla.breached",
    at=AT,
    ticket_id=TICKET,
    number=42,
    subject="Printer\r\non fire",
    status="on_hold",
    priority="high",
    metric="first_response",
    due_at=AT - timedelta(hours=2, minutes=5),
)
WRITTEN = """\
Hello Ada Lovelace,

The time promised for a first response of ticket #42 is used up.

  Ticket    #42 Printer on fire
  Priority  high
  Status    on hold
  Due       Sunday 22 November 2026, 15:54 UTC (2 hours and 5 minutes before this was written)

https://desk.example.com/v1/tickets/01a20479-d352-7410-8a02-69f19e7a15fe

You get this mail because the ticket is your team's and assigned to nobody.

--\x20
Acme, by PSMS
"""


def text_of(notice):
    return notice_text(
        notice,
        name="Ada\nLovelace",
        because=Because.TEAM,
        organization="Acme",
        public_url="https://desk.example.com/",
    )


def test_a_notification_says_what_happened_where_and_why_to_whom():
    text = text_of(NOTICE)

    assert (text.subject, text.body) == ("[#42] Overdue: Printer on fire", WRITTEN)


def test_what_is_not_due_yet_is_told_so_and_without_a_clock_nothing_is_said_of_time():
    soon = text_of(replace(NOTICE, kind="sla.at_risk", due_at=AT + timedelta(days=1, minutes=1)))
    other = text_of(replace(NOTICE, kind="something.new", metric=None, due_at=None))

    assert "Monday 23 November 2026, 18:00 UTC (in 1 day and 1 minute)" in soon.body
    assert "Ticket #42 needs your attention." in other.body
    assert "Due" not in other.body
    assert other.subject == "[#42] For your attention: Printer on fire"


def test_a_long_subject_is_cut():
    assert len(text_of(replace(NOTICE, subject="x" * 1000)).subject) == 200


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(days=2, hours=1, minutes=9), "2 days and 1 hour"),
        (-timedelta(days=2, minutes=9), "2 days and 9 minutes"),
    ],
)
def test_a_span_is_said_in_its_two_greatest_units(span, words):
    assert span_in_words(span) == words


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://desk.example.com", "desk.example.com"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
        ("nonsense", "localhost"),
    ],
)
def test_a_message_id_ends_with_the_host_of_the_installation(url, domain):
    assert mail_domain(url) == domain
    assert message_id(TICKET, url) == f"{TICKET}@{domain}"


def test_a_mail_is_sent_tried_again_or_dead():
    assert judge(Fate.TAKEN, failures=3, now=AT, jitter=0) == Verdict(state=MailState.SENT)
    assert judge(Fate.REFUSED, failures=0, now=AT, jitter=0) == Verdict(state=MailState.DEAD, reason="refused")
    assert judge(Fate.DEFERRED, failures=0, now=AT, jitter=0) == Verdict(
        state=MailState.PENDING, next_at=AT + timedelta(seconds=5)
    )
    assert judge(Fate.DEFERRED, failures=12, now=AT, jitter=0) == Verdict(
        state=MailState.PENDING, next_at=AT + timedelta(hours=16)
    )
    assert judge(Fate.DEFERRED, failures=13, now=AT, jitter=0) == Verdict(state=MailState.DEAD, reason="exhausted")
