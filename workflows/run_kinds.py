"""Every definition of a workflow run that this release knows. How a run is done is in `run_drain`.

A version stays here until no run of it is left: what the release before began, this one finishes. A new version is
added, and `run_names` is told to begin with it.
"""

from workflows import approval_run, auto_close_run, change_window_run
from workflows.runs import Known, known

KNOWN: Known = known((auto_close_run.DEFINITION, approval_run.DEFINITION, change_window_run.DEFINITION))
