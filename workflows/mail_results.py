"""What an exchange with the mail server leads to, recorded in one transaction for each organization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from psms.db.queries import journal
from psms.db.queries import mails as queries
from psms.db.queries.mails import Settlement
from psms.db.refusals import DATABASE_ERRORS
from psms.domain.endpoint_notices import EndpointNotice
from psms.domain.mails import MailResult, MailState, judge
from psms.domain.notices import Because, Notice
from psms.errors import DependencyUnavailable, PsmsError
from psms.runtime import Runtime
from psms.telemetry import MAILS_DEAD, logger
from workflows import trail
from workflows.act import Act, act_of_system

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailJob:
    """One leased mail with everything that it needs.

    *encrypted* is the recipient's address, *clear* where it is not encrypted yet; *failures* counts those before;
    *lease_ends* is by this process's monotonic clock, in seconds.
    """

    organization_id: UUID
    mail_id: UUID
    token: UUID
    failures: int
    lease_ends: float
    timeout_s: float
    user_id: UUID
    active: bool
    name: str
    encrypted: bytes | None
    clear: str | None
    because: Because
    organization: str
    notice: Notice | EndpointNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """A job and what its exchange came to."""

    job: MailJob
    result: MailResult


def record(rt: Runtime, sent: Sequence[SentMail]) -> list[SentMail]:
    """Record results, fenced by their leases, and return those to be recorded again: the database was away.

    A result whose lease has ended changes nothing, save that a mail which the server took counts where nobody
    else sends it. What cannot be recorded at all is left to its lease.
    """
    again: list[SentMail] = []
    for organization_id, group in groupby(sorted(sent, key=_organization_of), key=_organization_of):
        own = list(group)
        try:
            _record_of(rt, organization_id, own)
        except DependencyUnavailable as problem:
            log.warning("mail_results_not_recorded", count=len(own), reason=problem.detail)
            again += own
        except (PsmsError, *DATABASE_ERRORS):
            log.exception("mail_results_not_recordable", organization_id=str(organization_id))
    return again


def _organization_of(sent: SentMail) -> UUID:
    return sent.job.organization_id


def _record_of(rt: Runtime, organization_id: UUID, sent: list[SentMail]) -> None:
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        settlements = [_settlement(rt, one, act.now) for one in sent]
        in_time = queries.settle(session, organization_id, settlements, act.now)
        dead = {
            one.mail_id: one.reason or ""
            for one in settlements
            if one.state is MailState.DEAD and one.mail_id in in_time
        }
        if dead:
            note_dead(act, dead)


def _settlement(rt: Runtime, sent: SentMail, now: datetime) -> Settlement:
    job, result = sent.job, sent.result
    verdict = judge(result.fate, failures=job.failures, now=now, jitter=rt.chance.fraction())
    return Settlement(
        mail_id=job.mail_id,
        token=job.token,
        state=verdict.state,
        next_at=verdict.next_at,
        counted=0 if verdict.state is MailState.SENT else 1,
        error=result.error,
        reason=verdict.reason,
    )


def note_dead(act: Act, reasons: Mapping[UUID, str]) -> None:
    """Write that mails were given up, each with its reason."""
    entries = [
        trail.entry(act, "mail.dead", ("mail", mail_id), trail.added({"reason": reason}))
        for mail_id, reason in reasons.items()
    ]
    journal.insert_logs(act.session, entries)
    for mail_id, reason in reasons.items():
        MAILS_DEAD.labels(reason=reason).inc()
        log.warning("mail_dead", mail_id=str(mail_id), reason=reason)
