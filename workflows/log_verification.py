"""Verifying the log: every chain is walked and held against checkpoints and anchor. What is wrong: `log_proof`."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from psms.adapters.log_keys import TrustedKeys
from psms.db.queries import log_reading as queries
from psms.domain.log_chain import CHECKPOINT_EVERY, Anchored, Checkpoint
from psms.domain.log_proof import ChainProof, Finding, Tampering, Verified, check_checkpoints, compare_anchor
from psms.ids import first_id_of
from psms.runtime import Runtime
from workflows import system_events

# An entry that has waited longer than this is wrong by itself.
UNSEALED_FOR = timedelta(seconds=60)
# Three times as long as a checkpoint is due after: the anchor may have been out of reach for a while.
UNSIGNED_FOR = 3 * CHECKPOINT_EVERY

_PAGE = 2000
_NO_ID = UUID(int=0)
_MOST_SEARCHED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Who vouches for the chains besides the database: trusted keys, and what the anchor holds."""

    keys: TrustedKeys
    anchored: Anchored


def organizations_with_logs(rt: Runtime, witnesses: Witnesses) -> list[UUID]:
    """Return every organization that has a log, or had one that a checkpoint or the anchor knows of."""
    with rt.db.begin_claim() as session:
        return sorted(queries.organizations(session) | set(witnesses.anchored))


def verify_log(rt: Runtime, organization_id: UUID, others: list[UUID], witnesses: Witnesses) -> Verified:
    """Walk an organization's chain and return what is wrong with it; what is wrong is also written down there.

    *others* are searched for entries that are gone. Reads in pages, each a short transaction.
    """
    with rt.db.begin(organization_id) as session:
        # Before the chain is walked: what is signed meanwhile is not asked of it.
        kept = queries.checkpoints(session, organization_id)
        kept_from = first_id_of(queries.kept_from(session))
    anchored = witnesses.anchored.get(organization_id, [])
    wanted = frozenset(checkpoint.seq for checkpoint in [*kept, *anchored])
    proof = ChainProof(organization_id=organization_id, kept_from=kept_from, wanted=wanted)
    walked = list(_walked(rt, proof))
    found = [_placed(rt, finding, others) for finding in walked[:_MOST_SEARCHED]] + walked[_MOST_SEARCHED:]
    found += [*_vouched(proof, kept, anchored, witnesses), *_unsigned(rt, proof), *_unsealed(rt, organization_id)]
    findings = _once_each(found)
    if findings:
        _write_down(rt, organization_id, findings)
    return Verified(
        organization_id=organization_id,
        entries=proof.entries,
        dropped=proof.dropped,
        last_seq=proof.last_seq,
        signed_seq=max((checkpoint.seq for checkpoint in kept), default=0),
        checkpoints=len(kept),
        anchored=len(anchored),
        findings=findings,
    )


def _once_each(found: list[Finding]) -> list[Finding]:
    # A place may be told of by a checkpoint and by the anchor.
    first: dict[tuple[object, ...], Finding] = {}
    for finding in found:
        first.setdefault((finding.kind, finding.seq, finding.log_id), finding)
    return list(first.values())


def _walked(rt: Runtime, proof: ChainProof) -> Iterator[Finding]:
    while True:
        with rt.db.begin(proof.organization_id) as session:
            page = queries.chain(session, proof.organization_id, proof.last_seq, _PAGE)
        for sealed in page:
            yield from proof.take(sealed)
        if len(page) < _PAGE:
            yield from proof.end()
            return


def _placed(rt: Runtime, finding: Finding, others: list[UUID]) -> Finding:
    """Return *finding*; of an entry that is gone, where it is now."""
    if finding.kind is not Tampering.DELETED_ENTRY or finding.log_id is None:
        return finding
    for other in others:
        with rt.db.begin(other) as session:
            if other != finding.organization_id and queries.is_there(session, other, finding.log_id):
                detail = f"now in organization {other}"
                return replace(finding, kind=Tampering.SWAPPED_ORGANIZATION, detail=detail)
    return finding


def _vouched(
    proof: ChainProof, kept: list[Checkpoint], anchored: list[Checkpoint], witnesses: Witnesses
) -> Iterator[Finding]:
    is_signed = witnesses.keys.signed_checkpoint
    yield from check_checkpoints(proof, kept, is_signed, "a checkpoint")
    yield from check_checkpoints(proof, anchored, is_signed, "the anchor")
    yield from compare_anchor(proof.organization_id, kept, anchored)


def _unsigned(rt: Runtime, proof: ChainProof) -> Iterator[Finding]:
    first = proof.first_unsigned
    if first is None or first.entry is None:
        return
    with rt.db.begin(proof.organization_id) as session:
        now = rt.clock.now(session)
    if first.entry.at < now - UNSIGNED_FOR:
        kind, detail = Tampering.UNSIGNED_ENTRIES, f"of {first.entry.at}"
        yield Finding(organization_id=proof.organization_id, kind=kind, seq=first.seq, detail=detail)


def _unsealed(rt: Runtime, organization_id: UUID) -> Iterator[Finding]:
    after = _NO_ID
    with rt.db.begin(organization_id) as session:
        until = first_id_of(rt.clock.now(session) - UNSEALED_FOR)
    while True:
        with rt.db.begin(organization_id) as session:
            page = queries.sealed_or_not(session, organization_id, after, until, _PAGE)
        for row in page:
            if not row.sealed:
                kind = Tampering.UNSEALED_ENTRY
                yield Finding(organization_id=organization_id, kind=kind, log_id=row.id, detail=f"of {row.at}")
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _write_down(rt: Runtime, organization_id: UUID, findings: list[Finding]) -> None:
    counts: dict[str, int] = defaultdict(int)
    for finding in findings:
        counts[finding.kind.value] += 1
    system_events.record_in(rt, organization_id, "log.verify_failed", facts={"findings": dict(counts)})
