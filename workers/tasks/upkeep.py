"""The housekeeping as Celery tasks; the work is in `workflows.upkeep`."""

from workers.base import drain_task
from workflows.names import Task

keep_house = drain_task(name=Task.KEEP_HOUSE)
