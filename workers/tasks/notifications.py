"""The drain of notifications as a Celery task; the work is in `workflows.notifications`."""

from workers.base import drain_task
from workflows.names import Task

send = drain_task(name=Task.SEND_NOTIFICATIONS)
