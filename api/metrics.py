"""Metrics as Prometheus reads them: those of all processes of this machine, and what waits in the database.

What is measured is listed in `psms.telemetry`.
"""

from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from psms.domain.lanes import Circuit, Standing
from psms.domain.operations import Backlog
from psms.domain.webhooks import DeliveryState
from psms.errors import PsmsError
from psms.runtime import Runtime
from workflows import operations

# Finished ones are not counted: that would take longer every day.
_UNFINISHED = (DeliveryState.PENDING, DeliveryState.IN_FLIGHT, DeliveryState.HELD, DeliveryState.DEAD)


class BacklogCollector(Collector):
    """What waits now, asked of the database at each scrape: it is the same whichever process is asked."""

    def __init__(self, rt: Runtime) -> None:
        """Ask the database of *rt*."""
        self._rt = rt

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            backlog = operations.backlog(self._rt)
        except PsmsError:
            # The counters of the processes are wanted most of all while the database is away.
            yield GaugeMetricFamily("psms_database_up", "Whether the database answers.", value=0)
            return
        yield GaugeMetricFamily("psms_database_up", "Whether the database answers.", value=1)
        yield from _families(backlog)


def exposition(rt: Runtime) -> bytes:
    """Return every metric in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BacklogCollector(rt))
    return generate_latest(_processes()) + generate_latest(registry)


def _processes() -> CollectorRegistry:
    """Return the sum over all processes where they share PROMETHEUS_MULTIPROC_DIR, else this one alone."""
    registry = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:
        return REGISTRY
    return registry


def _families(backlog: Backlog) -> Iterator[GaugeMetricFamily]:
    yield GaugeMetricFamily("psms_outbox_waiting", "Events not yet fanned out.", value=backlog.outbox)
    yield GaugeMetricFamily("psms_outbox_oldest_seconds", "Age of the oldest of them.", value=backlog.outbox_oldest_s)
    deliveries = GaugeMetricFamily("psms_webhook_deliveries", "Unfinished deliveries by state.", labels=["state"])
    for state in _UNFINISHED:
        deliveries.add_metric([state], backlog.deliveries.get(state, 0))
    yield deliveries
    mails = GaugeMetricFamily("psms_mails_unfinished", "Mails pending, in flight or dead.", labels=["state"])
    for mail_state, count in backlog.mails.items():
        mails.add_metric([mail_state], count)
    yield mails
    yield GaugeMetricFamily(
        "psms_webhook_oldest_due_seconds",
        "How long the oldest due delivery waits.",
        value=backlog.oldest_due_s,
    )
    yield from _of_lanes(backlog)
    yield GaugeMetricFamily(
        "psms_log_unsealed_age_seconds",
        "How long the oldest entry of the log waits for its seal.",
        value=backlog.unsealed_oldest_s,
    )
    rebases = GaugeMetricFamily(
        "psms_sla_rebases_open", "Edits that open tickets still follow, by whether they fail.", labels=["failing"]
    )
    rebases.add_metric(["no"], backlog.rebases - backlog.rebases_failing)
    rebases.add_metric(["yes"], backlog.rebases_failing)
    yield rebases
    yield GaugeMetricFamily(
        "psms_sla_rebases_oldest_seconds", "Age of the oldest of them.", value=backlog.rebases_oldest_s
    )
    yield GaugeMetricFamily(
        "psms_routing_oldest_due_seconds",
        "How long a team has been due whose tickets are assigned automatically.",
        value=backlog.routing_due_s,
    )
    yield from _of_runs(backlog)


def _of_lanes(backlog: Backlog) -> Iterator[GaugeMetricFamily]:
    lanes = GaugeMetricFamily("psms_webhook_lanes", "Endpoints that are served, by their circuit.", labels=["circuit"])
    for circuit in Circuit:
        lanes.add_metric([circuit], backlog.lanes.get(circuit, 0))
    yield lanes
    in_flight = GaugeMetricFamily(
        "psms_webhook_in_flight", "Webhook requests under way by how their endpoint fares.", labels=["endpoint"]
    )
    for standing in Standing:
        in_flight.add_metric([standing], backlog.in_flight.get(standing, 0))
    yield in_flight


def _of_runs(backlog: Backlog) -> Iterator[GaugeMetricFamily]:
    runs = GaugeMetricFamily(
        "psms_workflow_runs",
        "Workflow runs that are due, that failed, or that are due and wait for a release that knows them.",
        labels=["state"],
    )
    runs.add_metric(["due"], backlog.runs_due)
    runs.add_metric(["failed"], backlog.runs_failed)
    runs.add_metric(["unknown"], backlog.runs_unknown)
    yield runs
    yield GaugeMetricFamily(
        "psms_workflow_runs_oldest_seconds", "How long the oldest due run waits.", value=backlog.runs_oldest_s
    )
