"""Puts a worker of this installation together from queues, Runtime and drains; `workers.serve` runs it."""

from functools import partial

from psms.errors import Misconfigured
from psms.settings import Settings
from workers.serve import WorkerPlan, serve
from workflows.boot import runtime_for
from workflows.drains import DRAINS
from workflows.names import Queue


def queues_named(text: str) -> tuple[Queue, ...]:
    """Return the queues in a list separated by commas; raises Misconfigured for a name that is none."""
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in list(Queue)]
    if unknown or not wanted:
        offender = f"{unknown[0]!r} is no queue" if unknown else "a worker needs at least one queue"
        raise Misconfigured(f"{offender}: give --queues some of {', '.join(Queue)}, separated by commas")
    return tuple(dict.fromkeys(Queue(name) for name in wanted))


def run_worker(settings: Settings, plan: WorkerPlan) -> int:
    """Work until told to stop, and return the exit status."""
    rt = runtime_for(settings, worker=plan.node)
    drains = {task: partial(drain, rt) for task, drain in DRAINS.items()}
    return serve(settings, plan, drains, rt.stopping)
