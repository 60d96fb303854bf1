"""Telling people by mail: notifications are fanned out, and what is due is sent with no transaction open."""

import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from psms.crash import CrashPoint, crash_point
from psms.db.queries import mails as queries
from psms.db.session import enter
from psms.domain.encrypted_columns import USER_EMAIL
from psms.domain.endpoint_notices import EndpointNotice, endpoint_notice_text
from psms.domain.mails import Fate, Mail, MailResult, MailState
from psms.domain.notices import Text, message_id, notice_text
from psms.errors import PsmsError
from psms.ports import Mailer
from psms.runtime import Runtime
from psms.telemetry import MAILS, bound, logger
from workflows.act import act_of_system
from workflows.data_keys import decrypted
from workflows.mail_claims import claim_due
from workflows.mail_fan_out import fan_out_notifications
from workflows.mail_results import MailJob, SentMail, note_dead, record

if TYPE_CHECKING:
    from concurrent.futures import Future

_REAP_BATCH = 500
# Between two attempts to record results, while the database is away.
_RECORD_AGAIN_S = 0.2

log = logger(__name__)


def send_notifications(rt: Runtime) -> int:
    """Make the mails of new notifications, send all that are due, and return how many of both that were.

    Runs by any number of processes at once: a claim gives each mail to one of them. Where no mail server is
    configured, mails are made and wait. A crash leaves leases, which expire; such a mail is sent again with the
    same Message-ID.
    """
    done = fan_out_notifications(rt)
    if rt.mailer is None:
        return done
    _take_back_expired(rt)
    while not rt.stopping.is_set():
        claimed = claim_due(rt)
        done += claimed.rows
        if not claimed.rows:
            break
        _send_all(rt, rt.mailer, claimed.jobs)
    return done


def _send_all(rt: Runtime, mailer: Mailer, jobs: list[MailJob]) -> None:
    flying = [rt.mail_slots.submit(_send, rt, mailer, job) for job in jobs]
    unrecorded = [future.result() for future in flying if _landed(future)]
    while unrecorded:
        again = record(rt, unrecorded)
        # What cannot be recorded before its lease ends is somebody else's by then.
        unrecorded = [one for one in again if time.monotonic() < one.job.lease_ends]
        if unrecorded:
            rt.stopping.wait(_RECORD_AGAIN_S)


def _landed(future: "Future[SentMail]") -> bool:
    problem = future.exception()
    if problem is not None:
        # A defect of ours: the lease runs out, and after five of them the row is dead and shown to a person.
        log.error("mail_not_sent", exc_info=problem)
    return problem is None


def _send(rt: Runtime, mailer: Mailer, job: MailJob) -> SentMail:
    with bound(mail_id=str(job.mail_id)):
        result = _exchange(rt, mailer, job)
        MAILS.labels(fate=result.fate.value).inc()
        log.info("mail_exchanged", fate=result.fate.value, error=result.error)
    if result.fate is Fate.TAKEN:
        crash_point(CrashPoint.MAIL_TAKEN)
    return SentMail(job=job, result=result)


def _exchange(rt: Runtime, mailer: Mailer, job: MailJob) -> MailResult:
    if not job.active:
        return MailResult(fate=Fate.REFUSED, error="The recipient has been deactivated.")
    try:
        recipient = _recipient(rt, job)
    except PsmsError as problem:
        return MailResult(fate=Fate.DEFERRED, error=f"Not sent: the address could not be had ({problem.code}).")
    text = _text(rt, job)
    mail = Mail(
        message_id=message_id(job.mail_id, rt.settings.public_url),
        recipient_name=job.name,
        recipient_address=recipient,
        subject=text.subject,
        body=text.body,
        written_at=job.notice.at,
        timeout_s=job.timeout_s,
    )
    return mailer.send(mail)


def _text(rt: Runtime, job: MailJob) -> Text:
    name, organization, public_url = job.name, job.organization, rt.settings.public_url
    if isinstance(job.notice, EndpointNotice):
        return endpoint_notice_text(job.notice, name=name, organization=organization, public_url=public_url)
    return notice_text(job.notice, name=name, because=job.because, organization=organization, public_url=public_url)


def _recipient(rt: Runtime, job: MailJob) -> str:
    if job.encrypted is None:
        return job.clear or ""
    return decrypted(rt, job.organization_id, USER_EMAIL, job.user_id, job.encrypted).decode()


def _take_back_expired(rt: Runtime) -> None:
    """Take back the mails of workers that went away: whether the server has them is unknown, so they go again."""
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        expired = sorted(queries.take_back_expired(session, now, _REAP_BATCH), key=attrgetter("organization_id"))
        for organization_id, own in groupby(expired, key=attrgetter("organization_id")):
            dead = [row.id for row in own if row.state == MailState.DEAD]
            if dead:
                enter(session, organization_id)
                note_dead(act_of_system(rt, session, organization_id, now), dict.fromkeys(dead, "leases_lost"))
    if expired:
        log.warning("mail_leases_taken_back", count=len(expired))
