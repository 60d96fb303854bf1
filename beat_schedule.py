"""How often Beat sends each drain; what a drain does is in `workflows`.

A nudge that is lost is made good by the next one. What must happen once in an hour or a day is made unique in
the database by the drain that does it, so it needs no entry here, and any number of Beats may run.
"""

from datetime import timedelta

from workflows.names import QUEUE_OF, Task

EVERY: dict[Task, timedelta] = {
    **dict.fromkeys(Task, timedelta(seconds=1)),
    Task.KEEP_HOUSE: timedelta(minutes=1),
}

BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    task.value: {"task": task.value, "schedule": every, "options": {"queue": QUEUE_OF[task].value}}
    for task, every in EVERY.items()
}
