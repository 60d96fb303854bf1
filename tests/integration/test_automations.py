"""Automations at work: each rule once for each event, in order, as acts of PSMS itself, whatever fails."""

from typing import Any

import pytest

from psms.domain.access import Role
from psms.domain.automations.views import EditAutomation, Outcome, Result
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, Priority, PrioritySource, Status, Visibility
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.rules import ALL, RUNS, firings, settle, tag, write_rule
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import automations, tickets
from workflows.comments import add_comment, list_comments
from workflows.relay import relay_outbox
from workflows.sla_policies import add_policy
from workflows.sla_standing import sla_of_ticket


def test_a_rule_does_what_it_says_as_acts_of_psms_itself(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    rule_id = write_rule(
        rt,
        acme,
        "ticket.created",
        {"type": "set_priority", "priority": "critical"},
        tag("major"),
        {"type": "set_field", "field": "room", "value": 7},
        {"type": "assign", "user_id": str(acme.actor.user_id)},
        {"type": "add_watcher", "user_id": str(acme.actor.user_id)},
        {"type": "comment", "visibility": "public", "body": "{{ticket.number}}: {{ ticket.priority }}, {{team.name}}"},
        {"type": "transition", "action": "open"},
        {"type": "notify", "to": "assignee"},
        name="Everything",
        priorities=["medium"],
    )
    ticket_id = file_ticket(rt, acme.actor)

    assert settle(rt) == 1

    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert (ticket.priority, ticket.priority_source) == (Priority.CRITICAL, PrioritySource.MANUAL)
    assert ticket.priority_reason == "By the automation Everything."
    assert (ticket.tags, ticket.custom_fields, ticket.status) == (["major"], {"room": 7}, Status.OPEN)
    (comment,) = list_comments(rt, acme.actor, ticket_id, ALL).items
    assert (comment.author_id, comment.body, comment.visibility) == (None, "1: critical, nobody", Visibility.PUBLIC)
    (firing,) = firings(rt, acme, ticket_id)
    assert (firing.automation_id, firing.automation_version, firing.outcome) == (rule_id, 1, Outcome.DONE)
    assert [one.result for one in firing.actions] == [Result.DONE] * 8
    told = "SELECT type, sequence, convert_from(body, 'UTF8')::jsonb #> '{data,actor_id}' FROM events ORDER BY id"
    kinds = ["updated"] * 3 + ["assigned", "watcher_added", "commented", "status_changed"]
    assert database.rows(told)[1:] == [(f"ticket.{kind}", n, None) for n, kind in enumerate(kinds, start=2)]
    assert database.rows("SELECT kind, user_id FROM notifications") == [("automation.notified", acme.actor.user_id)]
    entries = "SELECT action FROM logs WHERE actor_id IS NULL AND target_type = 'ticket' ORDER BY id"
    assert database.rows(entries) == [(f"ticket.{kind}",) for kind in kinds]
    assert database.rows(RUNS) == []


def test_what_did_not_hold_is_kept_with_the_reason(rt: Runtime, acme: Tenant) -> None:
    write_rule(rt, acme, "ticket.created", tag("x"), priorities=["high"], by=["requester", "psms"])
    ticket_id = file_ticket(rt, add_caller(rt, acme.organization_id, Role.AGENT).actor)

    settle(rt)

    (firing,) = firings(rt, acme, ticket_id)
    assert firing.outcome is Outcome.NOT_MATCHED
    # Whoever files for themselves is the requester, so that only the priority is wrong.
    assert [(one.field, one.found) for one in firing.refusals] == [("priority", "medium")]
    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == []


def test_rules_are_asked_in_order_of_the_ticket_as_the_former_left_it_until_one_stops(
    rt: Runtime, acme: Tenant
) -> None:
    write_rule(rt, acme, "ticket.created", tag("third"), name="Third", position=30)
    write_rule(rt, acme, "ticket.created", tag("first"), name="First", position=10)
    write_rule(rt, acme, "ticket.created", tag("second"), name="Second", position=20, stop=True, tags=["first"])
    ticket_id = file_ticket(rt, acme.actor)

    settle(rt)

    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == ["first", "second"]
    outcomes = [(one.automation_name, one.outcome) for one in firings(rt, acme, ticket_id)]
    assert outcomes == [("First", Outcome.DONE), ("Second", Outcome.DONE), ("Third", Outcome.PASSED_OVER)]


def test_an_action_that_does_not_apply_is_kept_as_failed_and_the_others_are_done(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    gone = add_caller(rt, acme.organization_id, Role.AGENT).actor.user_id
    write_rule(
        rt,
        acme,
        "ticket.created",
        {"type": "transition", "action": "close"},
        {"type": "assign", "user_id": str(gone)},
        {"type": "remove_tags", "tags": ["never"]},
        tag("done"),
    )
    database.rows("UPDATE users SET active = false WHERE id = %s RETURNING id", gone)
    ticket_id = file_ticket(rt, acme.actor)

    settle(rt)

    (firing,) = firings(rt, acme, ticket_id)
    assert [one.result for one in firing.actions] == [Result.FAILED, Result.FAILED, Result.UNCHANGED, Result.DONE]
    assert [one.reason for one in firing.actions] == [
        "A ticket that is new cannot close; possible now: open, pend, hold, resolve, cancel.",
        "The user or team that it names is gone, or is not active any more.",
        None,
        None,
    ]
    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert (ticket.tags, ticket.version, ticket.assignee_id) == (["done"], 2, None)


def test_rules_that_set_each_other_off_end_three_deep(rt: Runtime, acme: Tenant) -> None:
    write_rule(rt, acme, "ticket.updated", tag("x"), name="On", no_tags=["x"])
    write_rule(rt, acme, "ticket.updated", {"type": "remove_tags", "tags": ["x"]}, name="Off", tags=["x"], position=1)
    ticket_id = file_ticket(rt, acme.actor)
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": "Go"}))

    settle(rt)

    found = [(one.automation_name, one.depth) for one in firings(rt, acme, ticket_id) if one.outcome is Outcome.DONE]
    twice = [("Off", 2), ("On", 2)]
    assert found == [("On", 0), ("Off", 1), ("On", 1), *twice, *twice]
    ended = [one for one in firings(rt, acme, ticket_id) if one.outcome is Outcome.STOPPED_LOOP]
    assert [one.depth for one in ended] == [3] * 4
    assert all(not one.actions for one in ended)


def test_a_rule_is_for_what_happens_after_it_was_written_and_a_firing_says_which_version(
    rt: Runtime, acme: Tenant
) -> None:
    write_rule(rt, acme, "ticket.created", tag("early"), name="Early")
    before = file_ticket(rt, acme.actor)
    rule_id = write_rule(rt, acme, "ticket.created", tag("late"), name="Late")
    edited = automations.edit_automation(rt, acme.actor, rule_id, EditAutomation(rule={"actions": [tag("later")]}))
    after = file_ticket(rt, acme.actor)

    settle(rt)

    assert edited.definition_version == 2
    assert [one.automation_name for one in firings(rt, acme, before)] == ["Early"]
    assert [(one.automation_name, one.automation_version) for one in firings(rt, acme, after)] == [
        ("Early", 1),
        ("Late", 2),
    ]
    assert tickets.get_ticket(rt, acme.actor, after).tags == ["early", "later"]


def test_who_acted_and_what_changed_can_be_asked(rt: Runtime, acme: Tenant) -> None:
    write_rule(rt, acme, "ticket.commented", tag("customer"), name="Customer", by=["requester"])
    write_rule(
        rt,
        acme,
        "ticket.status_changed",
        tag("back"),
        name="Back",
        changes={"status": {"from": ["resolved"], "to": []}},
    )
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    ticket_id = file_ticket(rt, requester)
    add_comment(rt, acme.actor, ticket_id, NewComment(body="Hello"), None)
    tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    settle(rt)
    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == []

    tickets.transition(rt, requester, ticket_id, Action.REOPEN, None)
    add_comment(rt, requester, ticket_id, NewComment(body="Still"), None)
    settle(rt)

    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == ["back", "customer"]


def test_a_comment_of_an_automation_is_no_reply_of_the_desk(rt: Runtime, acme: Tenant) -> None:
    add_policy(rt, acme.actor, NewSlaPolicy(name="Promise", first_response_seconds=3600), None)
    write_rule(rt, acme, "ticket.created", {"type": "comment", "visibility": "public", "body": "Thank you."})
    ticket_id = file_ticket(rt, acme.actor)

    settle(rt)

    (clock,) = sla_of_ticket(rt, acme.actor, ticket_id).clocks
    assert clock.completed_at is None


def test_rules_of_one_organization_are_not_for_the_tickets_of_another(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    write_rule(rt, acme, "ticket.created", tag("x"))
    file_ticket(rt, stranger.actor)

    assert settle(rt) == 0

    assert database.rows("SELECT count(*) FROM automation_firings") == [(0,)]


@pytest.mark.parametrize("edit", [{"fields": {"active": False}}, {"rule": {"on": ["ticket.commented"]}}])
def test_a_rule_that_is_no_more_for_an_event_costs_it_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, edit: dict[str, Any]
) -> None:
    rule_id = write_rule(rt, acme, "ticket.created", tag("x"))
    automations.edit_automation(rt, acme.actor, rule_id, EditAutomation(**edit))
    file_ticket(rt, acme.actor)

    relay_outbox(rt)

    assert database.rows(RUNS) == []
    noted = None if "fields" in edit else ["ticket.commented"]
    assert database.rows("SELECT automated_events FROM organizations") == [(noted,)]
