"""Steps shared by everything that people edit: note what was added, note what changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.domain.access import Actor
from psms.domain.events import Change
from psms.runtime import Runtime
from workflows import trail


def note_added(
    rt: Runtime, session: Session, actor: Actor, *, now: datetime, kind: str, row_id: UUID, shown: dict[str, Any]
) -> None:
    """Write the entry `<kind>.created` with the values of *shown*."""
    trail.note(
        rt, session, actor, now=now, action=f"{kind}.created", target=(kind, row_id), changes=trail.added(shown)
    )


def note_changed(
    rt: Runtime,
    session: Session,
    actor: Actor,
    *,
    now: datetime,
    kind: str,
    row_id: UUID,
    changed: dict[str, tuple[Any, Any]],
) -> None:
    """Write the entry `<kind>.updated` with each field before and after; nothing when nothing changed."""
    if not changed:
        return
    changes = {name: Change(before=before, after=after) for name, (before, after) in changed.items()}
    trail.note(rt, session, actor, now=now, action=f"{kind}.updated", target=(kind, row_id), changes=changes)
