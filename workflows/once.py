"""Creating something once: the answer is kept in the transaction that creates, under the caller's key."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from psms.db.queries import journal
from psms.db.queries.journal import KeptAnswer
from psms.domain.access import Actor
from psms.domain.answers import Created, OnceKey
from psms.errors import IdempotencyKeyReused, RequestInProgress
from psms.runtime import Runtime
from workflows.act import Act, act_of


def create_once(rt: Runtime, actor: Actor, once: OnceKey | None, create: Callable[[Act], "Made"]) -> Created:
    """Run *create* in one transaction, unless a request with the same key already did: then repeat its answer.

    Raises RequestInProgress while the first request is still at work, and IdempotencyKeyReused when the
    key came with another request before. What was refused or rolled back leaves no key behind.
    """
    with rt.db.begin(actor.organization_id) as session:
        if once is not None:
            earlier = _earlier_answer(session, actor, once)
            if earlier is not None:
                return earlier
        act = act_of(rt, session, actor)
        made = create(act)
        if once is not None:
            journal.remember(session, kept(actor, once, made, act.now))
    return Created(body=made.body, location=made.location, version=made.version)


def repeated(earlier: KeptAnswer, once: OnceKey) -> Created:
    """Return the earlier answer to a request with this key; raise IdempotencyKeyReused when it asked for other."""
    if earlier.fingerprint != once.fingerprint:
        raise IdempotencyKeyReused
    version = int(earlier.etag) if earlier.etag else None
    return Created(body=earlier.body, location=earlier.location, version=version, replayed=True)


def kept(actor: Actor, once: OnceKey, made: "Made", now: datetime) -> dict[str, Any]:
    """Return what is kept of an answer under its key, named as in `journal.REMEMBERED`."""
    return {
        "organization_id": actor.organization_id,
        "client_id": actor.client_id,
        "key": once.key,
        "fingerprint": once.fingerprint,
        "kept_body": made.kept,
        "location": made.location,
        "etag": None if made.version is None else str(made.version),
        "now": now,
    }


def earlier_answer(rt: Runtime, actor: Actor, once: OnceKey | None) -> Created | None:
    """Return what an earlier request with this key was answered, before anything costly is done for it again."""
    if once is None:
        return None
    with rt.db.begin(actor.organization_id) as session:
        return _earlier_answer(session, actor, once)


class Made:
    """What *create* returns: the answer, and the form of it that is kept (secrets are shown once only)."""

    def __init__(self, body: bytes, location: str, version: int | None = None, kept: bytes | None = None) -> None:
        """Keep *kept* for repetitions, where it differs from *body*."""
        self.body = body
        self.location = location
        self.version = version
        self.kept = body if kept is None else kept


def _earlier_answer(session: Session, actor: Actor, once: OnceKey) -> Created | None:
    if not journal.lock_key(session, once.lock(actor.client_id)):
        raise RequestInProgress
    # A statement of its own: only now does it see what the former holder of the lock committed.
    earlier = journal.answer_for(session, actor.client_id, once.key)
    return None if earlier is None else repeated(earlier, once)
