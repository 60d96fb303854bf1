"""Which host names this server answers for, and whom it believes about the caller's address.

Links are made from PSMS_PUBLIC_URL alone, so a host that is not served can only mislead caches and logs.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from psms.errors import HostNotServed
from psms.settings import Settings

# Load balancers and Prometheus ask by the address of the machine.
_ASKED_BY_ADDRESS = frozenset({"health.alive", "health.exposed_metrics", "health.ready"})
_HOST = re.compile(r"\[([0-9a-f:.]{2,45})\](?::[0-9]{1,5})?|([a-z0-9._-]{1,253}?)\.?(?::[0-9]{1,5})?")


def install(app: Flask, settings: Settings) -> None:
    """Have *app* refuse every host but that of its public address and those trusted besides.

    `.example.com` stands for all names below example.com. The last `proxy_hops` proxies in front are believed
    about the caller's address (X-Forwarded-For) and transport (X-Forwarded-Proto); nothing else that they
    forward is read.
    """
    trusted = {urlsplit(settings.public_url).hostname, *settings.edge.trusted_hosts}
    families = tuple(name for name in settings.edge.trusted_hosts if name.startswith("."))

    @lru_cache(maxsize=256)
    def is_served(host: str) -> bool:
        match = _HOST.fullmatch(host.lower())
        name = (match[1] or match[2]) if match else ""
        return name in trusted or name.endswith(families)

    def refuse_others() -> None:
        if request.endpoint not in _ASKED_BY_ADDRESS and not is_served(request.headers.get("Host", "")):
            raise HostNotServed

    app.before_request(refuse_others)
    if hops := settings.edge.proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
