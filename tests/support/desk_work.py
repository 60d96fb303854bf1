"""Work at the desk that leaves a row in each table of it: for tests that need one of everything."""

from psms.domain.access import Actor
from psms.domain.lifecycle import Action
from psms.domain.macros import MacroContent, MacroVisibility
from psms.domain.satisfaction import Rate
from psms.domain.tickets import NewComment
from psms.domain.time_entries import NewTimeEntry, NewTimer
from psms.runtime import Runtime
from tests.support.tenants import file_ticket
from workflows import comments, macros, satisfaction, tickets, time_entries, timers


def work_in_every_way(rt: Runtime, actor: Actor) -> None:
    """File a ticket, note time on it, let a timer run, mention somebody, resolve it, rate it, and keep a macro."""
    ticket_id = file_ticket(rt, actor)
    time_entries.add_entry(rt, actor, ticket_id, NewTimeEntry(seconds=60), None)
    timers.start_timer(rt, actor, ticket_id, NewTimer())
    comments.add_comment(rt, actor, ticket_id, NewComment(body="Hello", mentions=(actor.user_id,)), None)
    tickets.transition(rt, actor, ticket_id, Action.RESOLVE, None)
    satisfaction.rate(rt, actor, ticket_id, Rate(score=5))
    macro = MacroContent(
        name="Hello",
        visibility=MacroVisibility.MINE,
        team_id=None,
        set_fields={},
        add_tags=["seen"],
        remove_tags=[],
        action=None,
        reply=None,
        reply_visibility=None,
    )
    macros.add_macro(rt, actor, macro, None)
