"""The lifecycles, written out a second time by hand: what tests expect of every state and action."""

from psms.domain.lifecycle import State
from psms.domain.tickets import Stage, Status, TicketType

# Written out a second time on purpose: a change of a table must be meant. Behind the colon, what must hold:
# d the desk does it, v the votes do, h the service names approvers, a they were asked ad hoc, p the plan is written,
# l low risk and nobody is asked, c no child is open.
PLAIN = """
new: open>open:d pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled:d
open: pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled:d
pending: hold>on_hold:d resume>open:d resolve>resolved:dc cancel>cancelled:d
on_hold: pend>pending:d resume>open:d resolve>resolved:dc cancel>cancelled:d
resolved: close>closed:c reopen>open:
"""
REQUEST = """
new: open>open:d pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled: request_approval>awaiting:dh
open: pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled:d request_approval>awaiting:dh
pending: hold>on_hold:d resume>open:d resolve>resolved:dc cancel>cancelled:d request_approval>awaiting:dh
on_hold: pend>pending:d resume>open:d resolve>resolved:dc cancel>cancelled:d request_approval>awaiting:dh
awaiting: approve>open:v reject>cancelled:v withdraw>open:da cancel>cancelled:
resolved: close>closed:c reopen>open:
"""
CHANGE = """
new: open>open:d pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled:d plan>open/planning:d
open: pend>pending:d hold>on_hold:d resolve>resolved:dc cancel>cancelled:d plan>open/planning:d
pending: hold>on_hold:d resume>open:d resolve>resolved:dc cancel>cancelled:d plan>open/planning:d
on_hold: pend>pending:d resume>open:d resolve>resolved:dc cancel>cancelled:d plan>open/planning:d
new/planning: plan>open/planning:d cancel>cancelled:d
open/planning: request_approval>awaiting:dph schedule>on_hold/scheduled:dpl cancel>cancelled:d
awaiting: approve>open/approved:v reject>open/planning:v withdraw>open/planning:d cancel>cancelled:d
open/approved: plan>open/planning:d schedule>on_hold/scheduled:d cancel>cancelled:d
on_hold/scheduled: plan>open/planning:d schedule>on_hold/scheduled:d implement>open/implementing:d cancel>cancelled:d
open/implementing: review>open/in_review:d
open/in_review: resolve>resolved/in_review:dc
resolved/in_review: close>closed:c reopen>open/in_review:
resolved: close>closed:c reopen>open:
"""  # fmt: skip
EXPECTED = {
    TicketType.INCIDENT: PLAIN,
    TicketType.REQUEST: REQUEST,
    TicketType.PROBLEM: PLAIN,
    TicketType.CHANGE: CHANGE,
}

Moves = dict[str, tuple[str, str]]


def name_of(state: State) -> str:
    """Return a state as the tables have it."""
    if state == State(status=Status.PENDING, stage=Stage.AWAITING_APPROVAL):
        return "awaiting"
    return state.status.value if state.stage is None else f"{state.status}/{state.stage}"


def written(of: TicketType) -> dict[str, Moves]:
    """Return action to target and conditions, for each state of a type."""
    table: dict[str, Moves] = {}
    for line in EXPECTED[of].split("\n"):
        state, _, moves = line.partition(": ")
        found = [move.partition(":") for move in moves.split()]
        table[state] = {move.partition(">")[0]: (move.partition(">")[2], needs) for move, _, needs in found}
    return table
