"""Refusals that may come by the thousand leave an entry once for a while: dead tokens, scopes, too many requests.

Refusals that leave an entry each are written down by `trail` and `accounts`.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psms.db.queries import identity, journal
from psms.domain.access import Actor, Scope
from psms.domain.credentials import RegisteredClient, digest
from psms.domain.logs import INSTALLATION, Origin
from psms.domain.rates import Meter
from psms.errors import PsmsError
from psms.ids import first_id_of
from psms.runtime import Runtime
from psms.telemetry import TOKENS_REFUSED, logger
from workflows import trail
from workflows.act import act_of_system
from workflows.seldom import is_first

TOKEN_ONCE_IN_S = 60

_UNKNOWN = "unknown token"

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What is written at most once in *within_s* seconds, in all processes together; *facts* say of what."""

    organization_id: UUID
    action: str
    target: trail.Target
    facts: dict[str, object]
    within_s: int


def note_token(rt: Runtime, token: str, origin: Origin) -> None:
    """Count that a bearer *token* was refused, and write it into the log of the organization whose token it was.

    At most one entry for each token and minute. One that nobody knows is counted only: anybody can make them up.
    """
    token_hash = digest(token)
    refused = rt.db.ask(lambda connection: identity.refused_token(connection, token_hash))
    TOKENS_REFUSED.labels(reason=refused.reason if refused else _UNKNOWN).inc()
    if refused is None or not is_first(rt, f"token:{token_hash.hex()}", TOKEN_ONCE_IN_S):
        return
    refusal = _Refusal(
        organization_id=refused.organization_id,
        action="token.refused",
        target=("client", refused.client_id),
        facts={"reason": refused.reason, "token_id": refused.token_id},
        within_s=TOKEN_ONCE_IN_S,
    )
    _write(rt, refusal, origin)


def note_scopes(rt: Runtime, client: RegisteredClient, asked: AbstractSet[str], origin: Origin) -> None:
    """Write that *client*, who is who it says, asked for the scopes *asked*, which are not its own.

    At most one entry a minute for the same scopes. What is no scope at all is not repeated in it.
    """
    known = sorted(scope.value for scope in Scope if scope.value in asked)
    if not is_first(rt, f"scopes:{client.id}:{','.join(known)}", TOKEN_ONCE_IN_S):
        return
    refusal = _Refusal(
        organization_id=client.organization_id,
        action="token.refused",
        target=("client", client.id),
        facts={"reason": "scopes not granted", "client_id": client.client_id, "scopes": known},
        within_s=TOKEN_ONCE_IN_S,
    )
    _write(rt, refusal, origin)


def note_block(rt: Runtime, caller: Actor | None, meter: Meter, origin: Origin) -> None:
    """Write that requests are refused, there having been more than *meter* has room for.

    One entry for each client and window. Of a caller who is not known: one for each key of *meter*, in the log of the
    installation.
    """
    whose = meter.key if caller is None else f"client:{caller.client_id}"
    if not is_first(rt, f"{meter.name}:{whose}", meter.rate.window_s):
        return
    refusal = _Refusal(
        organization_id=INSTALLATION if caller is None else caller.organization_id,
        action="rate.exceeded",
        target=("address", None) if caller is None else ("client", caller.client_id),
        facts={"limit": meter.name, "of": whose, "requests": meter.rate.quota, "seconds": meter.rate.window_s},
        within_s=meter.rate.window_s,
    )
    _write(rt, refusal, origin)


def _write(rt: Runtime, refusal: _Refusal, origin: Origin) -> None:
    try:
        with rt.db.begin(refusal.organization_id) as session:
            act = act_of_system(rt, session, refusal.organization_id, rt.clock.now(session))
            entry = trail.refusal(act, refusal.action, refusal.target, refusal.facts, origin)
            since = first_id_of(act.now - timedelta(seconds=refusal.within_s))
            journal.insert_log_once(session, entry, since)
    except PsmsError as problem:
        # They are refused whether or not it can be written down.
        log.warning("refusal_not_recorded", action=refusal.action, problem=problem.detail)
