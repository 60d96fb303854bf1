"""The secrets that a delivery is signed with, decrypted where it is sent; no transaction is open then."""

from psms.domain.attempts import Outcome, SendResult
from psms.domain.encrypted_columns import WEBHOOK_SECRET
from psms.errors import PsmsError
from psms.runtime import Runtime
from workflows.data_keys import decrypted
from workflows.delivery_jobs import Job


def signing_secrets(rt: Runtime, job: Job) -> tuple[str, ...]:
    """Return the secrets of a job, the current one first.

    Raises Undecryptable for one that was tampered with, and DependencyUnavailable while keys cannot be had.
    """
    return tuple(
        secret.clear
        if secret.encrypted is None and secret.clear is not None
        else decrypted(rt, job.organization_id, WEBHOOK_SECRET, secret.id, secret.encrypted or b"").decode()
        for secret in job.secrets
    )


def unsigned(problem: PsmsError) -> SendResult:
    """Return the result of an attempt that sent nothing, because nothing unsigned is ever sent. It is tried again."""
    return SendResult(
        outcome=Outcome.UNSIGNED,
        status=None,
        duration_ms=0,
        response_headers={},
        response_body=b"",
        response_truncated=False,
        retry_after=None,
        error=f"Not sent: a signing secret could not be had ({problem.code}).",
        peer_ip=None,
    )
