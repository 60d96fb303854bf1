"""Crash points: places at which a process kills itself when a fault test asks for it.

Which points are armed is in PSMS_CRASH_AT, read by `psms.settings`; what must hold afterwards is in `tests/faults`.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path


class CrashPoint(StrEnum):
    """Every instant between two steps of a promise at which a process may die; each is passed in one place."""

    TICKET_COMMITTED = "ticket_committed"
    """The API has committed a ticket; no nudge has left and nothing was answered."""
    RELAY_UNCOMMITTED = "relay_uncommitted"
    """Events are fanned out, in a transaction that is still open."""
    RELAY_COMMITTED = "relay_committed"
    """Events are fanned out; no nudge has left."""
    DELIVERY_CLAIMED = "delivery_claimed"
    """A delivery is leased and its attempt is written; its request has not been sent. About its URL."""
    DELIVERY_SENT = "delivery_sent"
    """The partner has answered; nothing is recorded."""
    RESULT_UNCOMMITTED = "result_uncommitted"
    """Results are written, in a transaction that is still open."""
    RESULT_COMMITTED = "result_committed"
    """Results are recorded; nothing was measured or told."""
    SWEEP_UNCOMMITTED = "sweep_uncommitted"
    """Timers have taken effect, in a transaction that is still open."""
    SWEEP_COMMITTED = "sweep_committed"
    """Timers have taken effect; no nudge has left."""
    REBASE_UNCOMMITTED = "rebase_uncommitted"
    """A page of tickets follows an edit, in a transaction that is still open."""
    REBASE_COMMITTED = "rebase_committed"
    """A page of tickets follows an edit; the next has not begun."""
    AUTOMATION_UNCOMMITTED = "automation_uncommitted"
    """The automations of one event are applied, in a transaction that is still open."""
    AUTOMATION_COMMITTED = "automation_committed"
    """The automations of one event are applied; no nudge has left."""
    ROUTE_UNCOMMITTED = "route_uncommitted"
    """Tickets are assigned to people, in a transaction that is still open."""
    ROUTE_COMMITTED = "route_committed"
    """Tickets are assigned to people; no nudge has left."""
    NOTICE_UNCOMMITTED = "notice_uncommitted"
    """A notice on an endpoint is given, in a transaction that is still open."""
    NOTICE_COMMITTED = "notice_committed"
    """A notice on an endpoint is given; no nudge has left."""
    DISCARD_UNCOMMITTED = "discard_uncommitted"
    """A part of a backlog is thrown away, in a transaction that is still open."""
    DISCARD_COMMITTED = "discard_committed"
    """A part of a backlog is thrown away; the next has not begun."""
    REAP_COMMITTED = "reap_committed"
    """Expired leases are taken back; no nudge has left."""
    REPLAY_UNCOMMITTED = "replay_uncommitted"
    """A replay has released deliveries, in a transaction that is still open."""
    REPLAY_COMMITTED = "replay_committed"
    """A replay was counted, or has released deliveries; no nudge has left."""
    RUN_CLAIMED = "run_claimed"
    """A workflow run is leased and the try is counted; its step has not begun. About its kind and step, as the next."""
    STEP_UNCOMMITTED = "step_uncommitted"
    """A step of a run is done, in a transaction that is still open."""
    STEP_COMMITTED = "step_committed"
    """A step of a run is done; no nudge has left."""
    MAIL_TAKEN = "mail_taken"
    """The mail server has taken a mail; nothing is recorded."""
    KEK_ROTATED = "kek_rotated"
    """One data key is wrapped under the new KEK; others are not. Passed by `psms keys` alone, as the next three are."""
    REENCRYPTION_UNCOMMITTED = "reencryption_uncommitted"
    """A batch is encrypted anew, in a transaction that is still open."""
    REENCRYPTION_COMMITTED = "reencryption_committed"
    """A batch is encrypted anew; the next has not begun."""
    INDEX_FILLED = "index_filled"
    """Some addresses are indexed under the new index key; others are not."""
    SEAL_UNCOMMITTED = "seal_uncommitted"
    """Entries of the log are sealed, in a transaction that is still open."""
    SEAL_COMMITTED = "seal_committed"
    """Entries of the log are sealed; nothing is signed."""
    CHECKPOINT_ANCHORED = "checkpoint_anchored"
    """A checkpoint is anchored; the database does not know of it yet."""


# Empty in every process that no fault test started: a point then costs one look at it.
_armed: dict[CrashPoint, str] = {}
_marks: list[Path] = []


def arm(wanted: str, directory: Path) -> None:
    """Have this process, and those forked from it, die at the points that *wanted* names, separated by commas.

    `name` fires once for all processes that share *directory*, in which each death leaves a mark; `name:text`
    fires whenever the point is passed about something that contains the text. Raises ValueError, with a
    sentence, for a name that is none.
    """
    _armed.clear()
    _marks[:] = [directory]
    for entry in filter(None, (part.strip() for part in wanted.split(","))):
        name, _, about = entry.partition(":")
        if name not in list(CrashPoint):
            message = f"{name!r} is no crash point: PSMS_CRASH_AT takes {', '.join(CrashPoint)}"
            raise ValueError(message)
        _armed[CrashPoint(name)] = about
    if _armed:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def crash_point(point: CrashPoint, about: str = "") -> None:
    """Die here, by SIGKILL and so without any farewell, where this point is armed."""
    if _armed and point in _armed and _armed[point] in about and _marked(point):
        os.kill(os.getpid(), signal.SIGKILL)


def _marked(point: CrashPoint) -> bool:
    """Leave a mark of this death; False where the point fires once and has fired already."""
    once = os.O_EXCL if not _armed[point] else os.O_APPEND
    try:
        mark = os.open(_marks[0] / point, os.O_CREAT | os.O_WRONLY | once, 0o600)
    except FileExistsError:
        return False
    os.write(mark, f"{os.getpid()}\n".encode())
    return True
