"""In which order files of tests begin: the long ones first. What a file's tests need is not known here.

Whole files are shared out (`--dist loadfile`), so what the tests of a file have in common is made once; a long file
that began last would run alone at the end while the other processes have nothing left to do.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# By what `pytest --durations=0` says of them together, the longest first: ten seconds and more.
LONG = (
    "faults/test_crash_points.py",
    "faults/test_worker_killed.py",
    "faults/test_wrong_clocks.py",
    "api/test_matrix.py",
    "faults/test_processes_disturbed.py",
    "api/test_served_walls.py",
    "e2e/test_up.py",
    "integration/test_embedded_supervisor.py",
    "faults/test_poison.py",
    "faults/test_sla_sweep_disturbed.py",
    "faults/test_escalation.py",
    "faults/test_valkey_lost.py",
    "api/test_fuzz_everybody.py",
    "e2e/test_ticket_to_webhook.py",
    "integration/test_worker_process.py",
    "e2e/test_sla_stories.py",
    "api/test_log_of_every_route.py",
    "faults/test_database_lost.py",
    "integration/test_upkeep.py",
    "unit/test_sla_hours.py",
    "integration/test_worker_beat.py",
    "integration/test_embedded_stack.py",
    "api/test_fuzz.py",
    "api/test_sla_reports.py",
    "integration/test_worker_nudger.py",
    "integration/test_worker_servers.py",
    "faults/test_disk_full.py",
    "e2e/test_ticket_to_mail.py",
    "e2e/test_secrets_stay_secret.py",
    "e2e/test_readme.py",
    "api/test_rate_limits_served.py",
    "api/test_killed_request.py",
    "api/test_read_fields.py",
    "api/test_revoked_elsewhere.py",
    "faults/test_model.py",
    "integration/test_sla_edits_at_once.py",
    "api/test_matrix_head.py",
    "api/test_sla_times.py",
)
# Of the others, those that start systems and servers come before those that only reckon.
_FOLDERS = ("faults", "e2e", "api", "integration", "architecture", "unit")


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with the long files first; within a file they keep their order."""
    return sorted(items, key=_place)


def _place(item: pytest.Item) -> tuple[int, int]:
    name = item.path.relative_to(TESTS).as_posix()
    folder = name.partition("/")[0]
    known = LONG.index(name) if name in LONG else len(LONG)
    return known, _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
