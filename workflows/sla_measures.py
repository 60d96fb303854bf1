"""What an act measures clocks by: the organization's book, versions that clocks name, and hours. Reads no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from psms.db.direct import direct
from psms.db.queries.tickets import LockedTicket
from psms.domain.sla.advance import HoursOf
from psms.domain.sla.book import Book, BookedPromise
from psms.domain.sla.calendar_keys import key_text, parse_key
from psms.domain.sla.definitions import Action, PolicyDefinition
from psms.domain.sla.editions import Edition
from psms.domain.sla.instants import instant_of
from psms.domain.sla.kept import KeptClock
from psms.domain.sla.matching import Subject
from psms.domain.sla.subjects import subject_of
from psms.domain.sla.terms import Metric, Terms
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.sla_books import book_of, current_book, definitions_of, hours_in
from workflows.sla_editions import editions_after

PolicyVersion = tuple[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The book as of an act, what the versions of policies say that its clocks name, and the hours of calendars.

    *editions* are the edits that some of its tickets have not followed yet.
    """

    book: Book
    definitions: Mapping[PolicyVersion, PolicyDefinition]
    hours_of: HoursOf
    editions: tuple[Edition, ...] = ()
    # Made once for all tickets of a batch that have them.
    _terms: dict[object, Terms] = field(default_factory=dict)
    _promises: dict[PolicyVersion, BookedPromise] = field(default_factory=dict)

    def terms_in(self, row: Row[Any], metric: Metric) -> Terms:
        """Return the terms that the row of a clock or a segment of *metric* names."""
        named = row.policy_id, row.policy_version, row.calendar_id, row.calendar_version, row.zone_data, metric
        terms = self._terms.get(named)
        if terms is None:
            target = self.definitions[row.policy_id, row.policy_version].targets[metric]
            terms = target.terms(key_text(row.calendar_id, row.calendar_version, row.zone_data))
            self._terms[named] = terms
        return terms

    def promise_of(self, policy: PolicyVersion) -> BookedPromise:
        """Return what a version of a policy promises, by the calendars of today."""
        promise = self._promises.get(policy)
        if promise is None:
            definition = self.definitions[policy]
            promise = self._promises[policy] = BookedPromise(
                policy_id=policy[0],
                policy_version=policy[1],
                definition=definition,
                terms=self.book.terms_of(definition),
            )
        return promise

    def promise_for(self, ticket: Ticket) -> BookedPromise | None:
        """Return what the organization promises for a ticket as it is now; None where no policy is for it."""
        return self.book.promise_for(subject_of_ticket(ticket))

    def agreement_for(self, ticket: Ticket) -> BookedPromise | None:
        """Return what is agreed on today for the team that has a ticket; None where it has none, or nothing is."""
        return self.book.agreement_for(subject_of_ticket(ticket)) if self.book.agreements else None

    def actions(self, kept: KeptClock, level: str) -> tuple[Action, ...]:
        """Return what reaching a level of a clock leads to."""
        return self.definitions[kept.policy_id, kept.policy_version].targets[kept.metric].actions(level)

    def with_current_zones(self, key: str) -> str:
        """Return the key of the same version of a calendar, measured with the zone data of this release."""
        named = parse_key(key)
        if named is None or named.zone_data == self.book.zone_data:
            return key
        return replace(named, zone_data=self.book.zone_data).text

    def is_measured(self, key: str) -> bool:
        """Tell whether the hours of *key* come from the zone data that it names."""
        named = parse_key(key)
        return named is None or named.zone_data == self.book.zone_data


def measures_for(act: Act, locked: Sequence[LockedTicket], rows: Sequence[Row[Any]]) -> Measures:
    """Return what is needed to measure clocks' *rows* and to promise something for *locked* tickets of one batch.

    Without a query while the process has the book, and the versions that the clocks name, at hand.
    """
    way = direct(act.session)
    # An edit may have been made while a ticket's lock was waited for: it came before the act.
    revision = max([*(one.sla_revision for one in locked), *(row.sla_revision for row in rows)])
    book = book_of(act.rt, way, act.organization_id, revision)
    followed = min(one.followed for one in locked)
    # Nothing is asked while all have followed the last edit.
    editions = editions_after(act.rt, way, act.organization_id, followed) if followed < book.last_edit else ()
    return _measures(act, book, rows, {one.policy for one in locked if one.policy is not None}, editions)


def measures_of(act: Act, rows: Iterable[Row[Any]]) -> Measures:
    """Return what is needed to measure clocks' or segments' *rows*, where nothing is locked."""
    return _measures(act, current_book(act.rt, direct(act.session), act.organization_id), rows, set())


def _measures(
    act: Act, book: Book, rows: Iterable[Row[Any]], policies: set[PolicyVersion], editions: tuple[Edition, ...] = ()
) -> Measures:
    way, found = direct(act.session), list(rows)
    keys = {key_text(row.calendar_id, row.calendar_version, row.zone_data) for row in found}
    wanted = policies | {(row.policy_id, row.policy_version) for row in found}
    return Measures(
        book=book,
        definitions=definitions_of(act.rt, way, book, wanted) | _definitions_in(editions),
        hours_of=hours_in(act.rt, way, [book, *(one.book for one in editions)], keys, instant_of(act.now)),
        editions=editions,
    )


def _definitions_in(editions: Iterable[Edition]) -> dict[PolicyVersion, PolicyDefinition]:
    promises = [policy.value for edition in editions for policy in (*edition.book.policies, *edition.book.agreements)]
    return {(one.policy_id, one.policy_version): one.definition for one in promises}


def subject_of_ticket(ticket: Ticket) -> Subject:
    """Return what policies may ask of a ticket."""
    subject = subject_of(
        service_id=ticket.service_id,
        type=ticket.type,
        priority=ticket.priority,
        tags=ticket.tags,
        custom_fields=ticket.custom_fields,
    )
    return subject if ticket.team_id is None else replace(subject, team_id=ticket.team_id)
