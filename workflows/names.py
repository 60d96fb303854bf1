"""The names of tasks and queues, and which queue a task travels on. Imports nothing of PSMS."""

from enum import StrEnum


class Queue(StrEnum):
    """Queues by how long their work may take, so that slow work never waits in front of quick work."""

    RELAY = "relay"
    TIMERS = "timers"
    WEBHOOKS = "webhooks"
    SYNC = "sync"
    BULK = "bulk"
    UPKEEP = "upkeep"


class Task(StrEnum):
    """Drains: a task's message says only "look now", so a name is all it carries."""

    RELAY_OUTBOX = "outbox.relay"
    DELIVER_WEBHOOKS = "webhooks.deliver_due"
    REAP_DELIVERY_LEASES = "webhooks.reap_leases"
    REPLAY_WEBHOOKS = "webhooks.replay"
    WATCH_ENDPOINTS = "webhooks.watch_endpoints"
    KEEP_HOUSE = "upkeep.keep_house"
    FIRE_SLA_TIMERS = "sla.fire_due_timers"
    REBASE_SLA = "sla.rebase"
    SEAL_LOGS = "logs.seal"
    ROUTE_TICKETS = "routing.assign"
    SEND_NOTIFICATIONS = "notifications.send"
    ADVANCE_RUNS = "runs.advance"
    RUN_AUTOMATIONS = "automations.run"


QUEUE_OF: dict[Task, Queue] = {
    Task.RELAY_OUTBOX: Queue.RELAY,
    Task.DELIVER_WEBHOOKS: Queue.WEBHOOKS,
    Task.REAP_DELIVERY_LEASES: Queue.WEBHOOKS,
    Task.REPLAY_WEBHOOKS: Queue.WEBHOOKS,
    Task.WATCH_ENDPOINTS: Queue.BULK,
    Task.KEEP_HOUSE: Queue.UPKEEP,
    Task.FIRE_SLA_TIMERS: Queue.TIMERS,
    Task.REBASE_SLA: Queue.BULK,
    Task.SEAL_LOGS: Queue.UPKEEP,
    Task.ROUTE_TICKETS: Queue.TIMERS,
    Task.SEND_NOTIFICATIONS: Queue.SYNC,
    Task.ADVANCE_RUNS: Queue.TIMERS,
    Task.RUN_AUTOMATIONS: Queue.TIMERS,
}
