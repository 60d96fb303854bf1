"""What a delivery is signed with and carries besides, decrypted where it is sent; no transaction is open then."""

from collections.abc import Mapping
from dataclasses import dataclass

from psms.domain.attempts import Outcome, SendResult
from psms.domain.encrypted_columns import ENDPOINT_HEADERS, WEBHOOK_SECRET
from psms.encoding import json_value
from psms.errors import PsmsError
from psms.runtime import Runtime
from workflows.data_keys import decrypted
from workflows.delivery_jobs import Job, StoredSecret


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """The secrets and private keys that sign a delivery, the current ones first, and the partner's own headers."""

    secrets: tuple[str, ...]
    private_keys: tuple[str, ...]
    headers: Mapping[str, str]


def credentials_of(rt: Runtime, job: Job) -> Credentials:
    """Return what the request of a job needs and nobody may read.

    Raises Undecryptable for what was tampered with, and DependencyUnavailable while keys cannot be had.
    """
    return Credentials(
        secrets=tuple(_opened(rt, job, secret) for secret in job.secrets if secret.kind == "hmac"),
        private_keys=tuple(_opened(rt, job, secret) for secret in job.secrets if secret.kind == "ed25519"),
        headers=_headers(rt, job),
    )


def _opened(rt: Runtime, job: Job, secret: StoredSecret) -> str:
    if secret.encrypted is None and secret.clear is not None:
        return secret.clear
    return decrypted(rt, job.organization_id, WEBHOOK_SECRET, secret.id, secret.encrypted or b"").decode()


def _headers(rt: Runtime, job: Job) -> Mapping[str, str]:
    if job.headers_encrypted is None:
        return {}
    stored = decrypted(rt, job.organization_id, ENDPOINT_HEADERS, job.endpoint_id, job.headers_encrypted)
    headers: dict[str, str] = json_value(stored)
    return headers


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
