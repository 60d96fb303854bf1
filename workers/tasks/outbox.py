"""The outbox's drains as Celery tasks; the work is in `workflows.relay`."""

from workers.base import drain_task
from workflows.names import Task

relay_outbox = drain_task(name=Task.RELAY_OUTBOX)
