"""The SLA's drains as Celery tasks; the work is in `workflows.sla_sweep` and `workflows.sla_rebase`."""

from workers.base import drain_task
from workflows.names import Task

fire_due_timers = drain_task(name=Task.FIRE_SLA_TIMERS)
rebase = drain_task(name=Task.REBASE_SLA)
