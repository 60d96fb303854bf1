"""The book of an organization: which policy is for a ticket, under which terms, and why not another."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from psms.adapters.zones import PinnedZones
from psms.domain.services import BookedService
from psms.domain.sla.book import Book, BookedCalendar, BookedPolicy, make_book
from psms.domain.sla.calendar_keys import ALWAYS, CalendarKey, key_text, parse_key
from psms.domain.sla.calendars import ALWAYS_OPEN, Calendar, Shift
from psms.domain.sla.definitions import PolicyDefinition, Target, default_target
from psms.domain.sla.hours import ROUND_THE_CLOCK
from psms.domain.sla.instants import HOUR, SECOND
from psms.domain.sla.matching import Conditions, Refusal, Subject
from psms.domain.sla.shelf import Shelf
from psms.domain.sla.subjects import subject_of
from psms.domain.sla.terms import Metric
from psms.domain.tickets import Priority, TicketType

GOLD, USUAL, OFFICE, DESK = (UUID(int=number) for number in (1, 2, 3, 4))
DAYTIME = Calendar(time_zone="Europe/Paris", weekly=((Shift(540, 1020),),) * 7)
KEY = f"{OFFICE}/7@2026f"


def policy(policy_id: UUID, conditions: Conditions, target: Target) -> BookedPolicy:
    """Return a policy that promises a resolution."""
    definition = PolicyDefinition(conditions=conditions, targets={Metric.RESOLUTION: target})
    return BookedPolicy(id=policy_id, name=f"Policy {policy_id.int}", version=5, definition=definition)


@pytest.fixture
def book() -> Book:
    """Two policies, the first of which asks for a tier and measures by a calendar."""
    calendars = {OFFICE: BookedCalendar(version=7, calendar=DAYTIME)}
    return make_book(
        Book(revision=3, zone_data="2026f", calendars=calendars),
        (
            policy(GOLD, Conditions(customer_tiers=frozenset({"gold"})), Target(seconds=60, calendar_id=OFFICE)),
            policy(USUAL, Conditions(), default_target(Metric.RESOLUTION, 600)),
        ),
    )


def ticket(**custom_fields: object) -> Subject:
    """Return a ticket."""
    return subject_of(
        service_id=DESK,
        type=TicketType.INCIDENT,
        priority=Priority.LOW,
        tags=["a", "a"],
        custom_fields=custom_fields,
    )


def test_the_first_policy_whose_conditions_hold_applies(book: Book) -> None:
    gold, usual = book.promise_for(ticket(customer_tier="gold")), book.promise_for(ticket())

    assert gold is not None
    assert usual is not None
    assert (gold.policy_id, gold.policy_version, usual.policy_id) == (GOLD, 5, USUAL)
    assert gold.terms == {Metric.RESOLUTION: gold.definition.targets[Metric.RESOLUTION].terms(KEY)}
    assert (usual.terms[Metric.RESOLUTION].calendar, usual.terms[Metric.RESOLUTION].target) == (ALWAYS, 600 * SECOND)


def test_a_service_names_its_policy_which_is_asked_alone(book: Book) -> None:
    named = replace(book, services={DESK: BookedService(sla_policy_id=USUAL)})
    gone = replace(book, services={DESK: BookedService(sla_policy_id=OFFICE)})
    gold = ticket(customer_tier="gold")

    promised = [one.promise_for(gold) for one in (book, named, gone)]

    assert [one and one.policy_id for one in promised] == [GOLD, USUAL, GOLD]
    assert [(one.policy.value.policy_id, one.refusals) for one in named.explain(gold)] == [(USUAL, ())]


def test_no_policy_applies_where_none_holds() -> None:
    book = Book(revision=0, zone_data="2026f")

    assert book.promise_for(ticket()) is None
    assert book.explain(ticket()) == ()


def test_the_book_says_which_condition_did_not_hold(book: Book) -> None:
    verdicts = book.explain(ticket(customer_tier="silver"))

    assert [(one.policy.name, one.refusals) for one in verdicts] == [
        ("Policy 1", (Refusal(field="customer_tier", wanted="one of gold", found="silver"),)),
        ("Policy 2", ()),
    ]


@pytest.mark.parametrize("tier", [None, 3, True, ["gold"], {"gold": 1}])
def test_a_tier_that_is_not_text_is_none(book: Book, tier: object) -> None:
    found = book.promise_for(ticket(customer_tier=tier))

    assert found is not None
    assert found.policy_id == USUAL


def test_a_key_is_stale_when_the_calendar_or_the_zone_data_changed(book: Book) -> None:
    older, other_data = f"{OFFICE}/6@2026f", f"{OFFICE}/7@2025b"

    assert [book.current_key(key) for key in (KEY, older, other_data, ALWAYS)] == [KEY, KEY, KEY, ALWAYS]
    with pytest.raises(KeyError):
        book.key_of(DESK)


def test_the_key_of_a_calendar_reads_as_written() -> None:
    key = CalendarKey(calendar_id=OFFICE, version=7, zone_data="2026f")

    assert (key.text, parse_key(key.text), parse_key(ALWAYS)) == (KEY, key, None)
    assert (key_text(OFFICE, 7, "2026f"), key_text(None, None, None)) == (KEY, ALWAYS)


@pytest.mark.parametrize("text", ["", "sometimes", f"{OFFICE}@2026f", f"{OFFICE}/7", f"{OFFICE}/x@2026f", "x/7@2026f"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_key(text)


def test_a_former_version_promises_by_the_calendars_of_today(book: Book) -> None:
    former = PolicyDefinition(targets={Metric.RESOLUTION: Target(seconds=1, calendar_id=OFFICE)})

    assert book.terms_of(former)[Metric.RESOLUTION].calendar == KEY


def test_the_shelf_has_the_book_of_one_revision(book: Book) -> None:
    shelf = Shelf(PinnedZones(), capacity=1)
    shelf.put(GOLD, book)

    assert shelf.book(GOLD, 3) is book
    assert (shelf.book(GOLD, 2), shelf.book(GOLD, 4), shelf.book(USUAL, 3)) == (None, None, None)
    shelf.put(USUAL, book)
    assert (shelf.book(GOLD, 3), shelf.book(USUAL, 3)) == (None, book)


def test_the_shelf_compiles_a_calendar_once_and_then_needs_it_no_more() -> None:
    shelf = Shelf(PinnedZones())

    assert shelf.hours(KEY, None, 0) is None
    hours = shelf.hours(KEY, DAYTIME, 0)
    assert hours is not None
    assert hours.elapsed(0, 24 * HOUR) == 8 * HOUR
    assert shelf.hours(KEY, None, 0) is hours
    assert shelf.hours(f"{OFFICE}/8@2026f", ALWAYS_OPEN, 0) is ROUND_THE_CLOCK
    assert shelf.hours(ALWAYS, None, 0) is ROUND_THE_CLOCK


def test_the_shelf_measures_with_the_zone_data_that_it_has() -> None:
    shelf = Shelf(PinnedZones())
    holiday = Calendar(time_zone="UTC", weekly=((Shift(0, 1440),),) * 7, holidays=frozenset({date(1970, 1, 2)}))
    hours = shelf.hours(KEY, holiday, 0)

    assert shelf.hours(f"{OFFICE}/7@2025b", None, 0) is hours
