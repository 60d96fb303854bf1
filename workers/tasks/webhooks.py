"""The webhooks' drains as Celery tasks; the work is in `workflows.deliveries` and beside it."""

from workers.base import drain_task
from workflows.names import Task

deliver_due = drain_task(name=Task.DELIVER_WEBHOOKS)
reap_leases = drain_task(name=Task.REAP_DELIVERY_LEASES)
replay = drain_task(name=Task.REPLAY_WEBHOOKS)
watch_endpoints = drain_task(name=Task.WATCH_ENDPOINTS)
