"""Structured logs and metrics: set-up and the list of both. What is measured is decided where it happens."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import Counter, Histogram
from structlog.typing import EventDict, WrappedLogger

_SECRET_NAMES = re.compile(
    r"authorization|cookie|passw|passphrase|secret|token|credential|api.?key|private.?key|routing.?key|\botp\b|\bpan\b|card",
    re.IGNORECASE,
)
# Our own tokens and keys by their prefixes, those of others that we hold, the two schemes of an Authorization
# header, and credentials inside a URL.
_SECRET_VALUES = re.compile(
    r"(?:sd[a-z]_|whsec_|[sr]k_(?:live|test)_)[A-Za-z0-9_+/=-]{8,}"
    r"|\b(?:bearer|basic) +[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^/@\s]*:[^/@\s]*(?=@)",
    re.IGNORECASE,
)
_HIDDEN = "[hidden]"

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 15, 60, 300)

REQUESTS = Counter("psms_http_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("psms_http_request_seconds", "Time to answer.", ["route"], buckets=_FAST)
NUDGES = Counter("psms_nudges", "Nudges by outcome; a lost one costs latency, never work.", ["task", "outcome"])
DRAINS = Counter("psms_drains", "Runs of a drain by who asked for it.", ["task", "asked_by"])
WAKEUPS_MISSED = Counter(
    "psms_wakeups_missed", "What a worker found by looking though neither a nudge nor Beat had asked it to.", ["task"]
)
RATE_EXCHANGES = Counter("psms_rate_exchanges", "Exchanges of request counts with Redis.", ["outcome"])
RATE_REFUSALS = Counter("psms_rate_refusals", "Requests answered with 429.", ["limit"])
TOKENS_REFUSED = Counter("psms_tokens_refused", "Bearer tokens that were refused.", ["reason"])
RELAYED = Counter("psms_outbox_relayed", "Events fanned out.")
RELAY_LAG = Histogram("psms_outbox_relay_lag_seconds", "From commit to fan-out.", buckets=_FAST)
ATTEMPTS = Counter("psms_webhook_attempts", "Webhook requests by outcome.", ["outcome", "status_class"])
ATTEMPT_SECONDS = Histogram(
    "psms_webhook_attempt_seconds", "Time of one webhook request, by its outcome.", ["outcome"], buckets=_FAST
)
# Endpoints by how they fare: healthy, slow or failing. Never by their address or id, of which there is no end.
TO_FIRST_ATTEMPT = Histogram(
    "psms_webhook_commit_to_first_attempt_seconds", "From commit to the first request.", ["endpoint"], buckets=_FAST
)
TO_DELIVERED = Histogram(
    "psms_webhook_commit_to_delivered_seconds", "From commit to the partner's 2xx.", ["endpoint"], buckets=_FAST
)
CLAIM_SECONDS = Histogram("psms_webhook_claim_seconds", "Time of one claim of deliveries.", buckets=_FAST)
CLAIM_ROWS = Histogram(
    "psms_webhook_claim_rows", "Deliveries leased by one claim.", buckets=(0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
)
RECONCILED = Counter("psms_webhook_reconciled", "What upkeep found wrong about lanes, and put right.", ["what"])
CIRCUITS_OPENED = Counter("psms_webhook_circuits_opened", "Circuits of endpoints that opened.")
ENDPOINTS_DISABLED = Counter("psms_webhook_endpoints_disabled", "Endpoints disabled by how they fared.", ["reason"])
LINES_BROKEN = Counter("psms_webhook_kept_lines_broken", "Requests that failed on a connection kept from a former one.")
LEASES_EXPIRED = Counter("psms_webhook_leases_expired", "Leases taken back from workers that went away.")
LATE_RESULTS = Counter("psms_webhook_late_results", "Results that came after the lease had ended.")
SLA_FIRES = Counter("psms_sla_fires", "Levels of SLA clocks that took effect.", ["metric", "level"])
SLA_LATENESS = Histogram(
    "psms_sla_lateness_seconds", "From the instant at which a level was reached to its effect.", buckets=_FAST
)
SLA_REBASED = Counter("psms_sla_rebased_tickets", "Tickets that rebases let follow an edit.")
RUN_STEPS = Counter("psms_workflow_steps", "Steps of workflow runs that were tried.", ["kind", "step", "outcome"])
RUN_LATENESS = Histogram(
    "psms_workflow_lateness_seconds", "From the instant at which a step was due to its commit.", buckets=_FAST
)
RUNS_FAILED = Counter("psms_workflow_runs_failed", "Runs given up.", ["kind"])
AUTOMATIONS = Counter("psms_automations", "Rules that were asked for an event, by what became of them.", ["outcome"])
AUTOMATION_RUNS_FAILED = Counter("psms_automation_runs_failed", "Tries to apply the rules of an event that failed.")
LOGS_SEALED = Counter("psms_logs_sealed", "Entries of the log that got their place in the chain.")
MAILS = Counter("psms_mails", "Exchanges with the mail server by what came of them.", ["fate"])
MAILS_DEAD = Counter("psms_mails_dead", "Mails given up.", ["reason"])
DEAD = Counter("psms_webhook_dead", "Deliveries given up.", ["reason"])


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound


def set_up_logs(*, as_json: bool, service: str) -> None:
    """Send every log line of this process to standard error, as JSON or for a person to read."""

    def name_service(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
        # Not a context variable: threads of a pool begin with an empty context.
        entry["service"] = service
        return entry

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor
    renderer = structlog.processors.JSONRenderer() if as_json else _readable
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(logging.WARNING)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add *fields*, such as a request id, to every log line written inside."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


def hide_secrets(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Return a log *entry* in which nothing is left that opens something; the last processor before the renderer."""
    for name, value in entry.items():
        entry[name] = _masked(name, value)
    return entry


def _masked(name: str, value: object) -> object:
    """Return *value* without what opens something: all of it under a telling *name*, at any depth."""
    if _SECRET_NAMES.search(name):
        return _HIDDEN
    if isinstance(value, str):
        return _SECRET_VALUES.sub(_HIDDEN, value)
    if isinstance(value, dict):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", inner) for inner in value]
    if value is None or isinstance(value, int | float):
        return value
    # An exception or another object would become text in the renderer, behind this.
    return _SECRET_VALUES.sub(_HIDDEN, str(value))


def _readable(_logger: WrappedLogger, _method: str, entry: EventDict) -> str:
    # The supervisor already prints time and process in front of each line.
    level, event = entry.pop("level", "info"), entry.pop("event", "")
    for name in ("timestamp", "service"):
        entry.pop(name, None)
    trace = entry.pop("exception", None)
    facts = " ".join(f"{name}={value}" for name, value in entry.items())
    mark = "" if level == "info" else f"{level}: "
    return f"{mark}{event} {facts}".rstrip() + (f"\n{trace}" if trace else "")
