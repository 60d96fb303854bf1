"""Puts a worker of this installation together from queues, Runtime and drains; `workers.serve` runs it."""

from functools import partial
from threading import Thread

from psms.errors import Misconfigured
from psms.runtime import Runtime
from psms.settings import Settings
from workers.serve import WorkerPlan, serve
from workflows import system_events
from workflows.boot import runtime_for
from workflows.drains import DRAINS
from workflows.log_checkpoints import require_proof
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
    """Work until told to stop, and return the exit status.

    Raises Misconfigured where the log could be neither signed nor anchored by a worker that is to do so.
    """
    rt = runtime_for(settings, worker=plan.node)
    if Queue.UPKEEP in plan.queues:
        require_proof(rt)
    system_events.record_process(rt.db, plan.node, "started")
    Thread(target=_record_end, args=(rt, plan.node), name="record end", daemon=True).start()
    drains = {task: partial(drain, rt) for task, drain in DRAINS.items()}
    return serve(settings, plan, drains, rt.stopping)


def _record_end(rt: Runtime, name: str) -> None:
    rt.stopping.wait()
    system_events.record_process(rt.db, name, "stopping")
