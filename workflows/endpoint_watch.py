"""The drain that looks after endpoints: notices that are due, and backlogs that are to be thrown away."""

from psms.runtime import Runtime
from workflows.endpoint_backlog import discard_backlogs
from workflows.endpoint_notices import give_notices


def watch_endpoints(rt: Runtime) -> int:
    """Give the notices that are due, throw away what was chosen to be, and return how many of both those were."""
    return give_notices(rt) + discard_backlogs(rt)
