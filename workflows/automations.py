"""Automations: list, read, add, edit and try rules, and tell what became of them. Applying them: `automation_runs`."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.automations import AutomationRow, AutomationVersionRow
from psms.db.queries import automations as queries
from psms.db.queries import records
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.sla_books import unknown as unknown_of
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.automations.checks import check_rule, references_of
from psms.domain.automations.definitions import MOST_AUTOMATIONS, Rule
from psms.domain.automations.documents import RuleDocument, rule_document_of, rule_of
from psms.domain.automations.judging import refusals
from psms.domain.automations.views import (
    Automation,
    AutomationVersion,
    EditAutomation,
    Firing,
    NewAutomation,
    Preview,
    Previewed,
)
from psms.domain.events import EventType
from psms.domain.pages import Page, PageRequest, page_of
from psms.encoding import json_bytes
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.automation_events import happening_of, subject_then
from workflows.once import Made, create_once

_KIND = "automation"
# How many of the newest events of tickets a preview looks through at most.
_WITHIN = 5000


def list_automations(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Automation]:
    """Return one page of the organization's rules, oldest first: `position` tells the order of asking."""
    require(actor, Permission.AUTOMATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, AutomationRow, page, lambda row: row)
        said = queries.definitions_of(session, rows.items)
    return Page(items=[_view(row, said[row.id]) for row in rows.items], next_after=rows.next_after)


def get_automation(rt: Runtime, actor: Actor, automation_id: UUID) -> Automation:
    """Return a rule, or raise NotFound."""
    require(actor, Permission.AUTOMATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = records.get(session, AutomationRow, automation_id)
        return _view(row, queries.definitions_of(session, [row])[row.id])


def list_versions(rt: Runtime, actor: Actor, automation_id: UUID, page: PageRequest) -> Page[AutomationVersion]:
    """Return one page of all that a rule has said, oldest first."""
    require(actor, Permission.AUTOMATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, AutomationRow, automation_id)
        rows = queries.versions_of(session, automation_id, page)
        return page_of([records.view_of(AutomationVersion, row) for row in rows], page.limit, key="key")


def firings_of_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Firing]:
    """Return one page of what became of rules for the events of a ticket that the caller sees, newest first."""
    require(actor, Permission.AUTOMATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return queries.firings_of(session, actor.organization_id, ticket_id, page)


def add_automation(rt: Runtime, actor: Actor, command: NewAutomation, once: OnceKey | None) -> Created:
    """Add a rule for what happens from now on; raise FieldError for one that makes no sense."""
    require(actor, Permission.AUTOMATION_MANAGE)
    rule = _checked(command.rule)

    def create(act: Act) -> Made:
        queries.lock_rules(act.session, act.organization_id)
        _require_known(act.session, rule)
        row = AutomationRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            name=command.name,
            position=command.position,
            active=command.active,
            definition_version=1,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        document = rule_document_of(rule)
        _add_version(act, row, document)
        _settle(act)
        shown = {"name": row.name, "position": row.position, "active": row.active, **document}
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_view(row, document)), f"/v1/automations/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_automation(rt: Runtime, actor: Actor, automation_id: UUID, command: EditAutomation) -> Automation:
    """Change a rule: a new version of it, if what it says changes. Raise as `add_automation`, and VersionStale."""
    require(actor, Permission.AUTOMATION_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        queries.lock_rules(session, actor.organization_id)
        row = records.lock(session, AutomationRow, automation_id, command.if_version)
        act = act_of(rt, session, actor)
        before = queries.definitions_of(session, [row])[row.id]
        rule = _checked({**before, **command.rule})
        after = rule_document_of(rule)
        if after != before or command.fields.get("active"):
            _require_known(session, rule)
        _edit(act, row, command.fields, before, after)
        return _view(row, after)


def preview(rt: Runtime, actor: Actor, document: RuleDocument, limit: int) -> Preview:
    """Return which of the newest *limit* events a rule would have been for, each judged by its ticket of that time.

    Nothing is changed, and no more than the newest 5,000 events of tickets are looked through.
    """
    require(actor, Permission.AUTOMATION_MANAGE)
    rule = _checked(document)
    with rt.db.begin(actor.organization_id) as session:
        _require_known(session, rule)
        events = queries.newest_events(session, actor.organization_id, document["on"], limit=limit, within=_WITHIN)
    items = [
        Previewed(
            event_id=event.id,
            event_type=EventType(event.type),
            ticket_id=event.ticket_id,
            occurred_at=event.occurred_at,
            matches=not refused,
            refusals=refused,
        )
        for event in events
        for refused in [refusals(rule, happening_of(event.body, event.role), *subject_then(event.body))]
    ]
    return Preview(looked_at=len(items), matched=sum(1 for item in items if item.matches), items=items)


def _edit(act: Act, row: AutomationRow, fields: Mapping[str, Any], before: RuleDocument, after: RuleDocument) -> None:
    """Write what an edit changes."""
    said = {} if after == before else {"definition_version": row.definition_version + 1}
    changed = records.edit(row, {**fields, **said}, act.now)
    if not changed:
        return
    act.session.flush()
    if said:
        _add_version(act, row, after)
        old, new = dict(before), dict(after)
        changed |= {name: (old[name], value) for name, value in new.items() if old[name] != value}
    _settle(act)
    trail.note_changed(act, _KIND, row.id, changed)


def _checked(document: Mapping[str, Any]) -> Rule:
    rule = rule_of(cast("RuleDocument", {name: document[name] for name in RuleDocument.__annotations__}))
    check_rule(rule)
    return rule


def _require_known(session: Session, rule: Rule) -> None:
    references = list(references_of(rule))
    unknown = unknown_of(session, references) if references else set()
    for one in references:
        if (one.kind, one.id) in unknown:
            raise FieldError(one.field, f"there is no {one.kind} with this id in your organization")


def _settle(act: Act) -> None:
    """Count the active rules once all is written, and write down what they are for."""
    if queries.active_rules(act.session) > MOST_AUTOMATIONS:
        message = f"your organization has {MOST_AUTOMATIONS} active automations already: switch one off first"
        raise FieldError("active", message)
    queries.note_types(act.session, act.organization_id)


def _add_version(act: Act, row: AutomationRow, document: RuleDocument) -> None:
    version = AutomationVersionRow(
        organization_id=act.organization_id,
        automation_id=row.id,
        version=row.definition_version,
        definition=dict(document),
        created_at=act.now,
        created_by=act.user_id,
    )
    act.session.add(version)
    act.session.flush()


def _view(row: AutomationRow, document: RuleDocument) -> Automation:
    return records.view_of(Automation, row, **document)
