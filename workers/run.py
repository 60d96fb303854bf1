"""Puts a worker of this installation together from queues, Runtime and drains; `workers.serve` runs it."""

from collections.abc import Callable
from functools import partial
from threading import Thread

from psms.adapters.open_files import raise_limit_of_open_files
from psms.errors import Misconfigured, PsmsError
from psms.runtime import Runtime
from psms.settings import Settings
from workers.serve import WorkerPlan, serve
from workflows import system_events
from workflows.boot import runtime_for
from workflows.drains import DRAINS
from workflows.log_checkpoints import require_proof
from workflows.names import Queue, Task

# A PostgreSQL that does not answer keeps a worker from ending no longer than this.
_RECORDED_WITHIN_S = 3.0


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
    raise_limit_of_open_files()
    rt = runtime_for(settings, worker=plan.node)
    if Queue.UPKEEP in plan.queues:
        require_proof(rt)
    system_events.record_process(rt.db, plan.node, "started")
    ending = Thread(target=_record_end, args=(rt, plan.node), name="record end", daemon=True)
    ending.start()
    drains = {task: partial(recorded, rt, task, drain) for task, drain in DRAINS.items()}
    status = serve(settings, plan, drains, rt.stopping)
    # Of an end that came by itself there is nothing to wait for.
    ending.join(_RECORDED_WITHIN_S if rt.stopping.is_set() else 0)
    return status


def recorded(rt: Runtime, task: Task, drain: Callable[[Runtime], int]) -> int:
    """Run *drain*; where it raises what nobody expected, the log of the installation tells."""
    try:
        return drain(rt)
    except PsmsError:
        # Such as a PostgreSQL that is down: told by the process's own log.
        raise
    except Exception as defect:
        system_events.record_failure(rt, task.value, defect)
        raise


def _record_end(rt: Runtime, name: str) -> None:
    rt.stopping.wait()
    system_events.record_process(rt.db, name, "stopping")
