"""Whom a request is counted on, the refusal of one too many, and what an answer tells of the limits.

What a rate means is in `psms.domain.rates`; the counts are behind the port `Rates`.
"""

from ipaddress import IPv6Network

from flask import Flask, Response, g, request

from api.context import runtime
from psms.domain.access import Actor
from psms.domain.rates import Meter, Rate, Verdict
from psms.errors import RateLimited
from psms.telemetry import RATE_REFUSALS

# A load balancer or Prometheus that is refused would call a busy system a dead one.
_UNLIMITED = frozenset({"health.alive", "health.exposed_metrics", "health.ready"})
# One customer of a provider has this much of IPv6, and all addresses in it.
_PREFIX_V6 = 64


def install(app: Flask) -> None:
    """Have *app* tell the limits of each request that was judged (draft-ietf-httpapi-ratelimit-headers-10)."""
    app.after_request(_tell)


def admit_anonymous() -> None:
    """Count this request on its address; raise RateLimited where that had too many."""
    if request.endpoint not in _UNLIMITED:
        _obey(runtime().rates.take([_of_address()]))


def check_address() -> None:
    """Raise RateLimited where the address of this request had too many, before the caller is looked up."""
    _obey(runtime().rates.look([_of_address()]))


def charge_address() -> None:
    """Count this request on its address: nothing better is known of its caller."""
    runtime().rates.charge([_of_address()])


def admit(caller: Actor) -> None:
    """Count this request on its address, client and organization; raise RateLimited where one had too many.

    What one of them refuses is counted on none: a client that asks too much takes nothing from its neighbours.
    """
    rt = runtime()
    client = Meter(name="client", key=f"client:{caller.client_id}", rate=rt.settings.edge.limits.client)
    organization = Meter(
        name="organization", key=f"organization:{caller.organization_id}", rate=rt.settings.edge.limits.organization
    )
    _obey(rt.rates.take([client, organization, _of_address()]))


def check_failures(client_id: str) -> None:
    """Raise RateLimited where credentials were wrong too often, from this address or for this client from it."""
    verdict = runtime().rates.look(_of_failures(client_id))
    if verdict.refused_by is not None:
        _obey(verdict)


def charge_failure(client_id: str) -> None:
    """Count that the credentials of this request were wrong."""
    runtime().rates.charge(_of_failures(client_id))


def meter_of_address(limit: str) -> Meter:
    """Return what counts the address of this request against the limit of this name; of IPv6 the /64 that it is in."""
    rate: Rate = getattr(runtime().settings.edge.limits, limit)
    return Meter(name=limit, key=f"{limit}:{_address()}", rate=rate)


def _of_failures(client_id: str) -> list[Meter]:
    # The client only from this address: nobody can lock out another by guessing at their public id.
    rate, address = runtime().settings.edge.limits.failures, _address()
    whole = Meter(name="failures", key=f"failures:{address}", rate=rate)
    return [whole, Meter(name="failures", key=f"failures:{address}:{client_id}", rate=rate)] if client_id else [whole]


def _of_address() -> Meter:
    return meter_of_address("address")


def _address() -> str:
    address = request.remote_addr or "unknown"
    if ":" not in address:
        return address
    return str(IPv6Network((address.partition("%")[0], _PREFIX_V6), strict=False))


def _obey(verdict: Verdict) -> None:
    g.rates = verdict
    if verdict.refused_by is not None:
        RATE_REFUSALS.labels(verdict.refused_by).inc()
        raise RateLimited(retry_after=verdict.retry_after_s, limit=verdict.refused_by)


def _tell(response: Response) -> Response:
    verdict: Verdict | None = g.get("rates")
    if verdict is not None:
        readings = verdict.readings
        policy = ", ".join(f'"{found.name}";q={found.rate.quota};w={found.rate.window_s}' for found in readings)
        response.headers["RateLimit-Policy"] = policy
        response.headers["RateLimit"] = ", ".join(
            f'"{found.name}";r={found.remaining};t={found.reset_s}' for found in readings
        )
    return response
