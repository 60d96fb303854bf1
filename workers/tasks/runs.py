"""The drain of workflow runs as a Celery task; the work is in `workflows.run_drain`."""

from workers.base import drain_task
from workflows.names import Task

advance = drain_task(name=Task.ADVANCE_RUNS)
