"""Verifying webhooks: every sequence is accounted for and no delivery is stranded, or it is named. Changes nothing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import reconciling
from psms.db.queries import webhook_proofs as queries
from psms.domain.webhook_proof import Finding, Verified, Wrong, wrong_with
from psms.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stranded:
    """What is found across organizations: lanes that are looked at too late, and lines without a head."""

    hints: Sequence[Record]
    lines: Sequence[Record]


def verify_webhooks(rt: Runtime, organization_ids: Sequence[UUID]) -> list[Verified]:
    """Hold the endpoints of some organizations against what must always be true, each in one picture of it all.

    May run beside everything else: what is under way is not wrong.
    """
    with rt.db.begin_claim() as session:
        stranded = _Stranded(hints=reconciling.late_hints(session), lines=reconciling.lines_without_head(session))
    return [_verified(rt, organization_id, stranded) for organization_id in organization_ids]


def _verified(rt: Runtime, organization_id: UUID, stranded: _Stranded) -> Verified:
    with rt.db.begin_snapshot(organization_id) as session:
        now = rt.clock.now(session)
        accounts, waiting = queries.accounts(session, organization_id)
        findings = [finding for account in accounts for finding in wrong_with(account)]
        findings += _of_waiting(session, organization_id, now)
    return Verified(
        organization_id=organization_id,
        endpoints=len(accounts),
        given_out=sum(account.given_out for account in accounts),
        kept=sum(account.kept for account in accounts),
        counted=sum(account.counted for account in accounts),
        waiting=waiting,
        findings=[*findings, *_of_lanes(organization_id, stranded)],
    )


def _of_waiting(session: Session, organization_id: UUID, now: datetime) -> Iterator[Finding]:
    for row in queries.leases_over(session, organization_id, now):
        detail = f"the leases of {row.rows} deliveries are over, and nobody has taken them back"
        yield Finding(kind=Wrong.LEASE, endpoint_id=row.endpoint_id, detail=detail)
    for row in queries.far_lanes(session, organization_id, now):
        detail = f"nothing is sent before {row.until:%Y-%m-%d %H:%M:%S %Z}"
        yield Finding(kind=Wrong.FAR_AWAY, endpoint_id=row.endpoint_id, detail=detail)
    for row in queries.far_deliveries(session, organization_id, now):
        detail = f"{row.rows} deliveries are put off, one until {row.until:%Y-%m-%d %H:%M:%S %Z}"
        yield Finding(kind=Wrong.FAR_AWAY, endpoint_id=row.endpoint_id, detail=detail)
    late = queries.unrelayed(session, organization_id, now)
    if late.rows:
        detail = f"{late.rows} events are not fanned out, the oldest of {late.oldest:%Y-%m-%d %H:%M:%S %Z}"
        yield Finding(kind=Wrong.UNRELAYED, endpoint_id=None, detail=detail)


def _of_lanes(organization_id: UUID, stranded: _Stranded) -> Iterator[Finding]:
    for row in stranded.hints:
        if row.organization_id == organization_id:
            detail = f"a delivery is due at {row.at:%Y-%m-%d %H:%M:%S %Z}, and its lane is looked at later"
            detail = f"{detail}, or never" if row.never else detail
            yield Finding(kind=Wrong.LATE_HINT, endpoint_id=row.endpoint_id, detail=detail)
    lines: dict[UUID, int] = defaultdict(int)
    for row in stranded.lines:
        if row.organization_id == organization_id:
            lines[row.endpoint_id] += 1
    for endpoint_id, count in sorted(lines.items()):
        detail = f"in {count} lines everybody waits for somebody who is not there"
        yield Finding(kind=Wrong.LINE, endpoint_id=endpoint_id, detail=detail)
