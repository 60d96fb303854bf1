"""A webhook sender for tests, allowed to call this machine, and a resolver that says what it is told."""

import ssl
from collections import defaultdict
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from psms.adapters.egress import EgressGuard, Resolver, system_resolver
from psms.adapters.http import RequestsSender
from psms.domain.attempts import SendResult, WebhookRequest
from psms.domain.egress import EgressPolicy, parse_policy
from psms.domain.url_hosts import IPAddress

PRODUCTION = EgressPolicy()
LOOPBACK = parse_policy("127.0.0.0/8,::1/128")


class ScriptedResolver:
    """Gives a host its answers in turn, the last one for ever, and records who was looked up."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {host.replace("__", "."): list(turns) for host, turns in answers.items()}
        self.looked_up: list[str] = []
        self._turn: dict[str, int] = defaultdict(int)

    def answers(self, **answers: Sequence[Sequence[str]]) -> None:
        """Let hosts have other answers from now on."""
        self._answers |= {host.replace("__", "."): list(turns) for host, turns in answers.items()}

    def __call__(self, host: str, _port: int) -> Sequence[IPAddress]:
        self.looked_up.append(host)
        turns = self._answers.get(host)
        if turns is None:
            raise OSError("unknown name")
        turn = min(self._turn[host], len(turns) - 1)
        self._turn[host] += 1
        return [ip_address(address) for address in turns[turn]]


def sender(
    *,
    policy: EgressPolicy = LOOPBACK,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> RequestsSender:
    """Return a sender with its own guard."""
    return RequestsSender(EgressGuard(policy, resolver), tls=tls)


def send(
    by: RequestsSender,
    url: str,
    *,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 5.0,
) -> SendResult:
    """Send one request."""
    return by.send(WebhookRequest(url=url, body=body, headers=headers or {}, timeout_s=timeout_s))
