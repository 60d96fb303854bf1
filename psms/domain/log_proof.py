"""Whether a log is what was written: which entries, seals or signatures are false. How they are read is not here."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from psms.domain.log_chain import GENESIS, Checkpoint, KeptEntry, checkpoint_message, link

SignatureCheck = Callable[[Checkpoint, bytes], bool]
"""Tells whether a trusted key signed the bytes with the signature of the checkpoint."""


class Tampering(StrEnum):
    """What can be wrong with a log."""

    EDITED_ENTRY = "edited_entry"
    DELETED_ENTRY = "deleted_entry"
    DELETED_SEAL = "deleted_seal"
    DELETED_TAIL = "deleted_tail"
    SWAPPED_ORGANIZATION = "swapped_organization"
    FORGED_SEAL = "forged_seal"
    FORGED_CHECKPOINT = "forged_checkpoint"
    ANCHOR_DIFFERS = "anchor_differs"
    UNSEALED_ENTRY = "unsealed_entry"
    UNSIGNED_ENTRIES = "unsigned_entries"


_SENTENCES = {
    Tampering.EDITED_ENTRY: "the entry was changed after it was sealed",
    Tampering.DELETED_ENTRY: "the entry was deleted; its seal is still there",
    Tampering.DELETED_SEAL: "seals are missing here, with the entries that they sealed",
    Tampering.DELETED_TAIL: "the chain ends before this place, which a checkpoint vouches for",
    Tampering.SWAPPED_ORGANIZATION: "the entry was moved to another organization",
    Tampering.FORGED_SEAL: "the seal is not the one that was made here",
    Tampering.FORGED_CHECKPOINT: "the checkpoint was not signed by a trusted key",
    Tampering.ANCHOR_DIFFERS: "the anchor does not hold this checkpoint as the database has it",
    Tampering.UNSEALED_ENTRY: "the entry waits too long for its seal, or was kept from getting one",
    Tampering.UNSIGNED_ENTRIES: "no checkpoint vouches for the chain from here on: they are gone, or none can be made",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and where: a place in the chain, or an entry without one."""

    organization_id: UUID
    kind: Tampering
    seq: int | None = None
    log_id: UUID | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What a person reads."""
        where = f"entry {self.log_id}" if self.seq is None else f"seq {self.seq}"
        more = f" ({self.detail})" if self.detail else ""
        return f"organization {self.organization_id}, {where}: {self.kind}: {_SENTENCES[self.kind]}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What verifying one organization's log showed. *dropped*: entries of months that are no longer kept."""

    organization_id: UUID
    entries: int
    dropped: int
    last_seq: int
    signed_seq: int
    checkpoints: int
    anchored: int
    findings: list[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntry:
    """A seal with the entry that it is about, None where there is none any more."""

    seq: int
    log_id: UUID
    hash: bytes
    entry: KeptEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """A link that does not fit: whether its entry or its seal is false, the next one tells."""

    sealed: SealedEntry
    expected: bytes


@dataclass(slots=True, kw_only=True)
class ChainProof:
    """Walks along one organization's chain in the order of seq. *kept_from*: older entries were dropped by month.

    *wanted* names the places whose hashes checkpoints speak of; *first_unsigned* is the first entry behind them all.
    """

    organization_id: UUID
    kept_from: UUID
    wanted: frozenset[int] = frozenset()
    entries: int = 0
    dropped: int = 0
    last_seq: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)
    first_unsigned: SealedEntry | None = None
    _previous: bytes | None = GENESIS
    _doubt: _Doubt | None = None
    _last_wanted: int = 0

    def __post_init__(self) -> None:
        """Look once for what is asked of every link."""
        self._last_wanted = max(self.wanted, default=0)

    def take(self, sealed: SealedEntry) -> Iterator[Finding]:
        """Take the next link, and yield what it shows to be wrong."""
        if sealed.seq != self.last_seq + 1:
            yield from self._settled(None)
            missing = f"{sealed.seq - self.last_seq - 1} of them"
            yield self._finding(Tampering.DELETED_SEAL, self.last_seq + 1, detail=missing)
            self._previous = None
        yield from self._settled(sealed)
        self.last_seq = sealed.seq
        if sealed.seq in self.wanted:
            self.hashes[sealed.seq] = sealed.hash
        if self.first_unsigned is None and sealed.entry is not None and sealed.seq > self._last_wanted:
            self.first_unsigned = sealed
        yield from self._looked_at(sealed)
        self._previous = sealed.hash

    def end(self) -> Iterator[Finding]:
        """Yield what is still in doubt after the last link."""
        yield from self._settled(None)

    def _looked_at(self, sealed: SealedEntry) -> Iterator[Finding]:
        if sealed.entry is None:
            if sealed.log_id.int < self.kept_from.int:
                self.dropped += 1
            else:
                yield self._finding(Tampering.DELETED_ENTRY, sealed.seq, sealed.log_id)
            return
        self.entries += 1
        # After a gap the hash before is not known: from here on the checkpoints must vouch.
        expected = sealed.hash if self._previous is None else link(self._previous, sealed.entry)
        if expected != sealed.hash:
            self._doubt = _Doubt(sealed=sealed, expected=expected)

    def _settled(self, following: SealedEntry | None) -> Iterator[Finding]:
        doubt, self._doubt = self._doubt, None
        if doubt is None:
            return
        kind = Tampering.EDITED_ENTRY
        if (
            following is not None
            and following.entry is not None
            and link(doubt.expected, following.entry) == following.hash
        ):
            kind = Tampering.FORGED_SEAL
            # The link goes on from the hash that was made here first.
            self._previous = doubt.expected
        yield self._finding(kind, doubt.sealed.seq, doubt.sealed.log_id)

    def _finding(self, kind: Tampering, seq: int, log_id: UUID | None = None, detail: str = "") -> Finding:
        return Finding(organization_id=self.organization_id, kind=kind, seq=seq, log_id=log_id, detail=detail)


def check_checkpoints(
    proof: ChainProof, checkpoints: Iterable[Checkpoint], is_signed: SignatureCheck, source: str
) -> Iterator[Finding]:
    """Yield where the chain that *proof* walked is not the one that *checkpoints* vouch for."""
    organization_id = proof.organization_id
    lost: int | None = None
    for checkpoint in checkpoints:
        seq = checkpoint.seq
        if not is_signed(checkpoint, checkpoint_message(organization_id, seq, checkpoint.hash)):
            kind = Tampering.FORGED_CHECKPOINT
            yield Finding(organization_id=organization_id, kind=kind, seq=seq, detail=source)
        elif seq > proof.last_seq:
            lost = seq if lost is None else max(lost, seq)
        elif proof.hashes.get(seq, checkpoint.hash) != checkpoint.hash:
            kind = Tampering.FORGED_SEAL
            yield Finding(organization_id=organization_id, kind=kind, seq=seq, detail=f"by {source}")
    if lost is not None:
        kind, first = Tampering.DELETED_TAIL, proof.last_seq + 1
        detail = f"to seq {lost} at least, by {source}"
        yield Finding(organization_id=organization_id, kind=kind, seq=first, detail=detail)


def compare_anchor(
    organization_id: UUID, kept: Iterable[Checkpoint], anchored: Iterable[Checkpoint]
) -> Iterator[Finding]:
    """Yield the checkpoints of the database that the anchor does not hold, or holds otherwise."""
    there = {checkpoint.seq: checkpoint.hash for checkpoint in anchored}
    for checkpoint in kept:
        if there.get(checkpoint.seq) != checkpoint.hash:
            yield Finding(organization_id=organization_id, kind=Tampering.ANCHOR_DIFFERS, seq=checkpoint.seq)
