"""SLA policies: list, read, add and edit.

An edit of what a policy says makes a new version; clocks keep the version that they were started under. Each save
counts the organization's revision in its own transaction, so that every process reads the book again.
"""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.models.sla_books import SlaPolicyRow, SlaPolicyVersionRow
from psms.db.queries import records
from psms.db.queries import sla_books as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla.book import MOST_POLICIES
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_checks import check_policy, references_of
from psms.domain.sla.policy_documents import policy_document_of, policy_of
from psms.domain.sla.policy_edits import UNSAID, PolicyFields, Unsaid, shorthand_of, usual_position, written
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy, PolicyVersion, SlaPolicy
from psms.encoding import json_bytes
from psms.errors import FieldError, TooManyPolicies
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.sla_reach import require_policy_in_reach
from workflows.sla_rebase import note_edit

T = TypeVar("T")

_KIND = "sla_policy"
_NOTHING = PolicyDefinition(targets={})


def list_policies(rt: Runtime, actor: Actor, page: PageRequest) -> Page[SlaPolicy]:
    """Return one page of the organization's policies, oldest first: `position` tells the order of asking."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, SlaPolicyRow, page, lambda row: row)
        definitions = _definitions(session, rows.items)
    return Page(items=[_view(row, definitions[row.id]) for row in rows.items], next_after=rows.next_after)


def get_policy(rt: Runtime, actor: Actor, policy_id: UUID) -> SlaPolicy:
    """Return a policy, or raise NotFound."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = records.get(session, SlaPolicyRow, policy_id)
        return _view(row, _definitions(session, [row])[row.id])


def list_policy_versions(rt: Runtime, actor: Actor, policy_id: UUID, page: PageRequest) -> Page[PolicyVersion]:
    """Return one page of all that a policy has said, oldest first."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, SlaPolicyRow, policy_id)
        rows = queries.versions_of_policy(session, policy_id, page)
        return page_of([records.view_of(PolicyVersion, row) for row in rows], page.limit, key="key")


def add_policy(rt: Runtime, actor: Actor, command: NewSlaPolicy, once: OnceKey | None) -> Created:
    """Promise something for tickets that are filed from now on; raise FieldError for what cannot be kept."""
    require(actor, Permission.SLA_MANAGE)
    definition = written(_NOTHING, _fields_of(command))
    check_policy(definition)

    def create(act: Act) -> Made:
        queries.lock(act.session, act.organization_id)
        _require_room(act.session)
        _require_known(act.session, definition)
        require_policy_in_reach(act, definition)
        row = SlaPolicyRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            name=command.name,
            position=command.position or usual_position(definition),
            definition_version=1,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        _add_version(act, row, definition)
        queries.turn(act.session, act.organization_id)
        shown = {"name": row.name, "position": row.position, **policy_document_of(definition)}
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_view(row, definition)), f"/v1/sla-policies/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def proposed(act: Act, command: NewSlaPolicy) -> PolicyDefinition:
    """Return what a policy would say; raise FieldError for what could not be kept. It is not added."""
    definition = written(_NOTHING, _fields_of(command))
    check_policy(definition)
    _require_known(act.session, definition)
    require_policy_in_reach(act, definition)
    return definition


def edit_policy(rt: Runtime, actor: Actor, policy_id: UUID, command: EditSlaPolicy) -> SlaPolicy:
    """Change a policy; `command.applies` says whether for tickets that are filed or edited from now on only.

    Otherwise open tickets follow a little later: see `sla_rebase`. Raise FieldError for what cannot be kept.
    """
    require(actor, Permission.SLA_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        view = saved_policy(rt, session, actor, policy_id, command)
    rt.nudger.nudge(Task.REBASE_SLA)
    return view


def saved_policy(rt: Runtime, session: Session, actor: Actor, policy_id: UUID, command: EditSlaPolicy) -> SlaPolicy:
    """Do as `edit_policy`, in a transaction that is open."""
    queries.lock(session, actor.organization_id)
    row = records.lock(session, SlaPolicyRow, policy_id, command.if_version)
    act = act_of(rt, session, actor)
    before = _definitions(session, [row])[row.id]
    after = written(before, command.fields)
    if after != before:
        check_policy(after)
        _require_known(session, after)
    if command.active and not row.active:
        _require_room(session)
    if after != before or (command.active and not row.active):
        require_policy_in_reach(act, after)
    if not _edit(act, row, command, before, after) and command.applies is not Applies.NEW_TICKETS:
        # What was edited for new tickets before is to hold for open ones now.
        queries.turn(session, actor.organization_id)
    note_edit(act, command.applies, policy_id=row.id)
    return _view(row, after)


def _edit(
    act: Act, row: SlaPolicyRow, command: EditSlaPolicy, before: PolicyDefinition, after: PolicyDefinition
) -> bool:
    """Write what an edit changes, and tell whether it changes anything."""
    named = {"name": command.name, "position": command.position, "active": command.active}
    fields: dict[str, object] = {name: value for name, value in named.items() if value is not None}
    if after != before:
        fields["definition_version"] = row.definition_version + 1
    changed = records.edit(row, fields, act.now)
    if not changed:
        return False
    if after != before:
        act.session.flush()
        _add_version(act, row, after)
        old, new = dict(policy_document_of(before)), dict(policy_document_of(after))
        changed |= {name: (old[name], value) for name, value in new.items() if old[name] != value}
    queries.turn(act.session, act.organization_id)
    trail.note_changed(act, _KIND, row.id, changed)
    return True


def _fields_of(command: NewSlaPolicy) -> PolicyFields:
    """Return what a new policy says: null and nothing are the same for one that says nothing yet."""

    def said(value: T | None) -> T | Unsaid:
        return UNSAID if value is None else value

    return PolicyFields(
        priority=said(command.priority),
        first_response_seconds=said(command.first_response_seconds),
        resolution_seconds=said(command.resolution_seconds),
        conditions=command.conditions,
        targets=command.targets,
    )


def _require_room(session: Session) -> None:
    if queries.active_policies(session) >= MOST_POLICIES:
        raise TooManyPolicies


def _require_known(session: Session, definition: PolicyDefinition) -> None:
    references = list(references_of(definition))
    unknown = queries.unknown(session, references) if references else set()
    for one in references:
        if (one.kind, one.id) in unknown:
            raise FieldError(one.field, f"there is no {one.kind} with this id in your organization")


def _add_version(act: Act, row: SlaPolicyRow, definition: PolicyDefinition) -> None:
    version = SlaPolicyVersionRow(
        organization_id=act.organization_id,
        policy_id=row.id,
        version=row.definition_version,
        definition=dict(policy_document_of(definition)),
        created_at=act.now,
        created_by=act.user_id,
    )
    act.session.add(version)
    act.session.flush()


def _definitions(session: Session, rows: Sequence[SlaPolicyRow]) -> dict[UUID, PolicyDefinition]:
    wanted = [(row.id, row.definition_version) for row in rows]
    return {key[0]: policy_of(found) for key, found in queries.policy_versions(direct(session), wanted).items()}


def _view(row: SlaPolicyRow, definition: PolicyDefinition) -> SlaPolicy:
    short = shorthand_of(definition)
    return records.view_of(
        SlaPolicy,
        row,
        priority=short.priority,
        first_response_seconds=short.first_response_seconds,
        resolution_seconds=short.resolution_seconds,
        **policy_document_of(definition),
    )
