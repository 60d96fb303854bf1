"""The SLA's drain as a Celery task; the work is in `workflows.sla_sweep`."""

from workers.base import drain_task
from workflows.names import Task

fire_due_timers = drain_task(name=Task.FIRE_SLA_TIMERS)
