"""The approvals that a service asks for: read and saved. A saved chain holds for what is asked for from then on."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.services import ServiceRow
from psms.db.queries import approvals as queries
from psms.db.queries import records, sla_books
from psms.domain.access import Actor, Permission, require
from psms.domain.approvals import ApprovalStep, Chain, ServiceChain, chain_of, require_sound
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.catalogue import seen_service


def get_chain(rt: Runtime, actor: Actor, service_id: UUID) -> ServiceChain:
    """Return what a service that the caller sees asks for, or raise NotFound."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(seen_service(session, actor, service_id))


def put_chain(rt: Runtime, actor: Actor, service_id: UUID, chain: Chain, if_version: int | None) -> ServiceChain:
    """Save what a service asks for; no steps: nothing. What is being asked for keeps its own steps.

    Raises NotFound, VersionStale, and FieldError for steps that make no sense or name whom there is not.
    """
    require(actor, Permission.SERVICE_MANAGE)
    require_sound(chain)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, ServiceRow, service_id, if_version)
        require_known(session, chain)
        act = act_of(rt, session, actor)
        changed = records.edit(row, {"approval_chain": [step.document for step in chain] or None}, act.now)
        session.flush()
        if changed:
            sla_books.turn(session, actor.organization_id)
        trail.note_changed(act, "service", row.id, changed)
        return _view(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    field: str
    id: UUID


def require_known(session: Session, chain: Chain) -> None:
    """Raise FieldError for the first user or team of *chain* that there is not."""
    named = [one for number, step in enumerate(chain) for one in _named(number, step)]
    teams = [one.id for one in named if one.field.endswith("team_ids")]
    unknown = queries.unknown(session, [one.id for one in named if not one.field.endswith("team_ids")], teams)
    for one in named:
        if one.id in unknown:
            raise FieldError(one.field, "there is nothing with this id in your organization")


def _named(number: int, step: ApprovalStep) -> Iterator[_Named]:
    for name, ids in (("user_ids", step.user_ids), ("team_ids", step.team_ids)):
        yield from (_Named(field=f"steps.{number}.{name}", id=one) for one in ids)
    if step.escalate_to is not None:
        yield _Named(field=f"steps.{number}.escalate_to", id=step.escalate_to)


def _view(row: ServiceRow) -> ServiceChain:
    return ServiceChain(service_id=row.id, steps=list(chain_of(row.approval_chain or [])), version=row.version)
