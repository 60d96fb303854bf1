"""Which function a task's name stands for: the one list that workers, the fallback and `psms drain` share."""

from collections.abc import Callable

from psms.runtime import Runtime
from workflows.automation_runs import run_automations
from workflows.deliveries import deliver_due, reap_leases
from workflows.endpoint_watch import watch_endpoints
from workflows.log_seals import seal_logs
from workflows.names import Task
from workflows.notifications import send_notifications
from workflows.relay import relay_outbox
from workflows.replay_drain import replay_webhooks
from workflows.routing_drain import route_tickets
from workflows.run_drain import advance_runs
from workflows.sla_rebase import rebase_tickets
from workflows.sla_sweep import fire_due_timers
from workflows.upkeep import keep_house

DRAINS: dict[Task, Callable[[Runtime], int]] = {
    Task.RELAY_OUTBOX: relay_outbox,
    Task.DELIVER_WEBHOOKS: deliver_due,
    Task.REAP_DELIVERY_LEASES: reap_leases,
    Task.REPLAY_WEBHOOKS: replay_webhooks,
    Task.WATCH_ENDPOINTS: watch_endpoints,
    Task.KEEP_HOUSE: keep_house,
    Task.FIRE_SLA_TIMERS: fire_due_timers,
    Task.REBASE_SLA: rebase_tickets,
    Task.SEAL_LOGS: seal_logs,
    Task.ROUTE_TICKETS: route_tickets,
    Task.SEND_NOTIFICATIONS: send_notifications,
    Task.ADVANCE_RUNS: advance_runs,
    Task.RUN_AUTOMATIONS: run_automations,
}
