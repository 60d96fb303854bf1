"""Workflow runs from inside a transaction: what one is made of, and how it is begun, signalled and cancelled.

Which kinds there are is in `run_kinds`, who does their steps is `run_drain`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psms.db.queries import runs as queries
from psms.db.queries.runs import NewRun
from psms.domain.runs import Next, Run
from psms.encoding import json_text
from workflows.act import Act
from workflows.run_names import NEWEST

Step = Callable[[Act, Run], Next]
"""One step: its effects, their log entries and events, and what comes next are committed together, or none of them.

The run's ticket is locked, and the run after it; the act is PSMS's own, at an instant read under the locks. Whatever
it raises takes all of it back, and it is tried again. It calls nobody outside.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One version of what runs of a kind do. It stays as it is while runs of it are left; a change is a new version."""

    kind: str
    version: int
    first: str
    steps: Mapping[str, Step] = field(repr=False)


Known = Mapping[tuple[str, int], Definition]
"""Definitions by kind and version."""


def known(definitions: Iterable[Definition]) -> Known:
    """Return *definitions* by kind and version; raise ValueError where one comes twice or lacks its first step."""
    found: dict[tuple[str, int], Definition] = {}
    for one in definitions:
        if (one.kind, one.version) in found or one.first not in one.steps:
            message = f"{one.kind} {one.version}: defined twice, or without its first step {one.first}"
            raise ValueError(message)
        found[one.kind, one.version] = one
    return found


def start_run(  # noqa: PLR0913  # what a run is made of
    act: Act,
    what: Definition | str,
    *,
    business_key: str,
    ticket_id: UUID | None = None,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # it is called so in the API, too
    due_at: datetime | None = None,
) -> UUID:
    """Begin a run in the act's transaction and return its id; where the key has one of the kind, that one's.

    *what* is a kind, which is begun in its newest version, or a definition. The first step is due at once, or at
    *due_at*, until when it waits for signals. Nudge ADVANCE_RUNS after the commit.
    """
    begun = NEWEST[what] if isinstance(what, str) else what
    new = NewRun(
        id=act.new_id(),
        kind=begun.kind,
        version=begun.version,
        business_key=business_key,
        ticket_id=ticket_id,
        input=json_text(input or {}),
        step=begun.first,
        due_at=due_at or act.now,
        listens=due_at is not None,
    )
    return queries.start(act.session, act.organization_id, new, act.now)


def signal_run(act: Act, run_id: UUID, name: str, payload: Mapping[str, Any], dedupe_key: str) -> None:
    """Tell a run something in the act's transaction, and wake it if it waits; the same key again does nothing.

    A step that is not waited for leaves signals to the next that is. One that is over takes none. The lock order: the
    run's ticket first. Nudge ADVANCE_RUNS after the commit.
    """
    values = {"id": act.new_id(), "name": name, "payload": json_text(payload), "dedupe_key": dedupe_key}
    queries.signal(act.session, act.organization_id, run_id, {**values, "now": act.now})


def cancel_runs(act: Act, *, ticket_id: UUID, kind: str, reason: str) -> int:
    """Cancel the runs of a kind that a locked ticket has, and return how many were not over.

    The run whose own step does this goes on.
    """
    values = {"ticket_id": ticket_id, "kind": kind, "reason": reason, "own_run_id": act.run_id, "now": act.now}
    return len(queries.cancel(act.session, act.organization_id, values))
