"""Which policy would be for a ticket, and why not those before it. Nothing is changed here."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.models.accounts import OrganizationRow, TeamRow
from psms.db.models.services import ServiceRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.matching import Subject, Verdict
from psms.domain.sla.policy_documents import policy_document_of
from psms.domain.sla.subjects import subject_of
from psms.domain.sla_policies import ChosenBy, Match, MatchQuestion, PolicyVerdict
from psms.errors import FieldError, NotFound
from psms.runtime import Runtime
from workflows.sla_books import current_book


def match(rt: Runtime, actor: Actor, question: MatchQuestion) -> Match:
    """Return which policy is for a ticket with these facts, and every condition of those before it that did not hold.

    With a team it is asked which agreement between teams holds while that team has the ticket. Raises FieldError for
    a service, or a team, that there is not.
    """
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        subject = _subject(session, actor, question)
        book = current_book(rt, direct(session), actor.organization_id)
    verdicts = book.explain(subject) if question.team_id is None else book.explain_agreement(subject)
    found = next((one.policy.value for one in verdicts if not one.refusals), None)
    is_named = question.team_id is None and book.policy_of_service(subject.service_id) is not None
    by = ChosenBy.SERVICE if is_named else ChosenBy.CONDITIONS
    return Match(
        policy_id=found.policy_id if found else None,
        policy_version=found.policy_version if found else None,
        chosen_by=by if found else None,
        targets=policy_document_of(found.definition)["targets"] if found else {},
        verdicts=[_verdict(one) for one in verdicts],
    )


def _subject(session: Session, actor: Actor, question: MatchQuestion) -> Subject:
    service_id = question.service_id
    if service_id is None:
        service_id = records.get(session, OrganizationRow, actor.organization_id).default_service_id
    if service_id is None:
        raise FieldError("service_id", "your organization has no default service: name one")
    _require_known(session, ServiceRow, "service_id", service_id)
    if question.team_id is not None:
        _require_known(session, TeamRow, "team_id", question.team_id)
    subject = subject_of(
        service_id=service_id,
        type=question.type,
        priority=question.priority,
        tags=question.tags,
        custom_fields=question.custom_fields,
    )
    tier = subject.customer_tier if question.tier is None else question.tier
    return replace(subject, customer_tier=tier, team_id=question.team_id)


def _require_known(session: Session, model: type[ServiceRow | TeamRow], field: str, row_id: UUID) -> None:
    try:
        records.get(session, model, row_id)
    except NotFound:
        raise FieldError(field, "there is nothing with this id in your organization") from None


def _verdict(verdict: Verdict[BookedPromise]) -> PolicyVerdict:
    return PolicyVerdict(
        policy_id=verdict.policy.value.policy_id,
        policy_version=verdict.policy.value.policy_version,
        name=verdict.policy.name,
        applies=not verdict.refusals,
        refusals=verdict.refusals,
    )
