"""The book of an organization: its policies in their order, with its calendars' versions, as of one revision.

Loading and keeping books is the work of `workflows.sla_books`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from psms.domain.approvals import Chain
from psms.domain.priorities import USUAL, PriorityMatrix
from psms.domain.services import PLAIN, BookedService
from psms.domain.sla.calendar_keys import ALWAYS, CalendarKey, parse_key
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.matching import Policy, Subject, Verdict, explain, first_match
from psms.domain.sla.terms import Metric, Terms

# So that a book is small enough to be at hand in every process.
MOST_CALENDARS = 100
MOST_POLICIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedCalendar:
    """The current version of a calendar."""

    version: int
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPromise:
    """The current version of a policy, and the terms that follow from it by the calendars of the book."""

    policy_id: UUID
    policy_version: int
    definition: PolicyDefinition
    terms: Mapping[Metric, Terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What an organization promises, as of its *revision*, with one release of the time-zone data, and its priorities.

    *policies* are the promises to customers that are active, *agreements* those between teams, each in the order in
    which they are asked. *calendars* are all that there ever were: clocks that run may still be measured by one that
    nobody can choose any more. *services* are those of which something special is said, *chains* the approvals that
    they ask for, by service. *last_edit* is the revision of the last edit until then that holds for open tickets, 0 for
    none.
    """

    revision: int
    zone_data: str
    last_edit: int = 0
    policies: tuple[Policy[BookedPromise], ...] = ()
    agreements: tuple[Policy[BookedPromise], ...] = ()
    calendars: Mapping[UUID, BookedCalendar] = field(default_factory=dict)
    priorities: PriorityMatrix = USUAL
    services: Mapping[UUID, BookedService] = field(default_factory=dict)
    chains: Mapping[UUID, Chain] = field(default_factory=dict)

    def service(self, service_id: UUID) -> BookedService:
        """Return what the organization says of a service; nothing special of one that is not in the book."""
        return self.services.get(service_id, PLAIN)

    def policy_of_service(self, service_id: UUID) -> Policy[BookedPromise] | None:
        """Return the policy that a service names, while that is active and promises customers something."""
        named = self.service(service_id).sla_policy_id
        if named is None:
            return None
        return next((policy for policy in self.policies if policy.value.policy_id == named), None)

    def promise_for(self, subject: Subject) -> BookedPromise | None:
        """Return what the policy of the ticket's service promises, or else the first that is for it; None for none."""
        policy = self.policy_of_service(subject.service_id) or first_match(self.policies, subject)
        return None if policy is None else policy.value

    def agreement_for(self, subject: Subject) -> BookedPromise | None:
        """Return what the first agreement that is for the ticket's team says; None when there is none, or no team."""
        policy = None if subject.team_id is None else first_match(self.agreements, subject)
        return None if policy is None else policy.value

    def explain(self, subject: Subject) -> tuple[Verdict[BookedPromise], ...]:
        """Return why each policy before the one that applies is not for the ticket, and that one, if any, last.

        Where the ticket's service names its policy, no other is asked.
        """
        named = self.policy_of_service(subject.service_id)
        if named is not None:
            return (Verdict(policy=named, refusals=()),)
        return explain(self.policies, subject)

    def explain_agreement(self, subject: Subject) -> tuple[Verdict[BookedPromise], ...]:
        """Do as `explain` for agreements between teams."""
        return () if subject.team_id is None else explain(self.agreements, subject)

    def key_of(self, calendar_id: UUID | None) -> str:
        """Return the key of a calendar's current version; ALWAYS for None; KeyError for one that never was."""
        if calendar_id is None:
            return ALWAYS
        version = self.calendars[calendar_id].version
        return CalendarKey(calendar_id=calendar_id, version=version, zone_data=self.zone_data).text

    def current_key(self, key: str) -> str:
        """Return the key to measure by today in place of *key*: another one where *key* is stale."""
        named = parse_key(key)
        return self.key_of(None if named is None else named.calendar_id)

    def terms_of(self, definition: PolicyDefinition) -> dict[Metric, Terms]:
        """Return what a policy's version, also a former one, promises by the calendars' current versions."""
        return {metric: target.terms(self.key_of(target.calendar_id)) for metric, target in definition.targets.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPolicy:
    """A policy's current version, before it is booked."""

    id: UUID
    name: str
    version: int
    definition: PolicyDefinition


def make_book(empty: Book, policies: Iterable[BookedPolicy]) -> Book:
    """Return *empty* with *policies*, which come in the order in which they are asked."""
    booked = [_booked(empty, policy) for policy in policies]
    return replace(
        empty,
        policies=tuple(one for one in booked if not one.value.definition.is_operational),
        agreements=tuple(one for one in booked if one.value.definition.is_operational),
    )


def _booked(book: Book, policy: BookedPolicy) -> Policy[BookedPromise]:
    promise = BookedPromise(
        policy_id=policy.id,
        policy_version=policy.version,
        definition=policy.definition,
        terms=book.terms_of(policy.definition),
    )
    return Policy(name=policy.name, conditions=policy.definition.conditions, value=promise)
