"""Checkpoints: the end of each chain is signed and anchored outside the database, every so often."""

from collections.abc import Sequence
from uuid import UUID

from psms.adapters.anchors import Anchor, anchor_of
from psms.adapters.log_keys import LogSigner, signer_of
from psms.crash import CrashPoint, crash_point
from psms.db.queries import log_seals as queries
from psms.domain.log_chain import CHECKPOINT_EVERY, CHECKPOINT_ROWS, Checkpoint, checkpoint_message
from psms.runtime import Runtime

_BATCH = 200


def require_proof(rt: Runtime) -> None:
    """Raise Misconfigured, saying what to do, unless there is a key to sign with and a place to anchor at."""
    signer_of(rt.settings)
    anchor_of(rt.settings)


def sign_checkpoints(rt: Runtime) -> int:
    """Sign and anchor every chain that went on for five minutes or 1000 entries, and return how many.

    The anchor is written first and the database last, so that the anchor holds whatever the database does. What
    is cut short in between is anchored twice, which changes nothing. Raises Misconfigured where there is no key.
    """
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        due = queries.unsigned(session, now, every=CHECKPOINT_EVERY, rows=CHECKPOINT_ROWS, limit=_BATCH)
    if due:
        _sign(rt, due)
    return len(due)


def _sign(rt: Runtime, organizations: Sequence[UUID]) -> None:
    signer, anchor = signer_of(rt.settings), anchor_of(rt.settings)
    for organization_id in organizations:
        sign_chain(rt, signer, anchor, organization_id)


def sign_chain(rt: Runtime, signer: LogSigner, anchor: Anchor, organization_id: UUID) -> None:
    """Sign the end of an organization's chain, which must have one, anchor it, and keep it."""
    checkpoint = _signed(rt, signer, organization_id)
    anchor.write(checkpoint)
    crash_point(CrashPoint.CHECKPOINT_ANCHORED)
    with rt.db.begin(organization_id) as session:
        queries.sign(session, checkpoint)


def _signed(rt: Runtime, signer: LogSigner, organization_id: UUID) -> Checkpoint:
    with rt.db.begin(organization_id) as session:
        seq, chain_hash = queries.head(session, organization_id)
        now = rt.clock.now(session)
    return Checkpoint(
        organization_id=organization_id,
        seq=seq,
        hash=chain_hash,
        at=now,
        key_id=signer.key_id,
        signature=signer.sign(checkpoint_message(organization_id, seq, chain_hash)),
    )
