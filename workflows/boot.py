"""How a process of PSMS gets its Runtime; the parts are put together in `psms.runtime`."""

from psms.runtime import Runtime, build_runtime
from psms.settings import Settings
from workflows.names import QUEUE_OF


def runtime_for(settings: Settings, *, worker: str = "api") -> Runtime:
    """Return the Runtime of this process; *worker* names it in the attempts that it makes."""
    return build_runtime(settings, {str(task): str(queue) for task, queue in QUEUE_OF.items()}, worker=worker)
