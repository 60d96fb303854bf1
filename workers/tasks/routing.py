"""The drain of automatic assignment as a Celery task; the work is in `workflows.routing_drain`."""

from workers.base import drain_task
from workflows.names import Task

assign = drain_task(name=Task.ROUTE_TICKETS)
