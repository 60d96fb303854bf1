"""The log's drain as a Celery task; the work is in `workflows.log_seals`."""

from workers.base import drain_task
from workflows.names import Task

seal_logs = drain_task(name=Task.SEAL_LOGS)
