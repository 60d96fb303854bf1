"""The automations' drain as a Celery task; the work is in `workflows.automation_runs`."""

from workers.base import drain_task
from workflows.names import Task

run = drain_task(name=Task.RUN_AUTOMATIONS)
