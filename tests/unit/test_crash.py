"""Crash points: off unless armed, once or keyed to what they are about; each is passed in one place."""

import ast
import signal
import subprocess
import sys

import pytest

from psms.crash import CrashPoint, arm, crash_point
from tests.architecture.sources import PRODUCT, python_files

_PASS = """
import sys
from pathlib import Path
from psms.crash import CrashPoint, arm, crash_point
arm(sys.argv[1], Path(sys.argv[2]))
crash_point(CrashPoint.DELIVERY_CLAIMED, about=sys.argv[3])
"""


@pytest.fixture
def marks(tmp_path):
    yield tmp_path / "crashes"
    arm("", tmp_path)


def passed(wanted, marks, about=""):
    """Return the exit status of a process that passes the point `delivery_claimed`."""
    return subprocess.run((sys.executable, "-c", _PASS, wanted, str(marks), about), check=False).returncode


def deaths(marks):
    return len((marks / "delivery_claimed").read_text(encoding="utf-8").splitlines())


def test_a_point_that_is_not_armed_does_nothing(marks):
    arm("relay_committed", marks)

    for point in set(CrashPoint) - {CrashPoint.RELAY_COMMITTED}:
        crash_point(point)
    assert list(marks.iterdir()) == []


def test_an_armed_point_kills_one_process_of_all(marks):
    wanted = "relay_committed, delivery_claimed"

    assert [passed(wanted, marks) for _ in range(3)] == [-signal.SIGKILL, 0, 0]
    assert deaths(marks) == 1


def test_a_keyed_point_kills_whenever_it_is_about_the_key(marks):
    wanted = "delivery_claimed:/poison"

    assert [passed(wanted, marks, url) for url in ("/poison", "/well", "/poison")] == [
        -signal.SIGKILL,
        0,
        -signal.SIGKILL,
    ]
    assert deaths(marks) == 2


def test_a_name_that_is_none_is_refused(marks):
    with pytest.raises(ValueError, match="'nowhere' is no crash point: PSMS_CRASH_AT takes ticket_committed,"):
        arm("nowhere", marks)


def test_each_point_is_passed_in_exactly_one_place():
    passed_at = sorted(
        node.args[0].attr
        for source in python_files(PRODUCT)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crash_point"
        and isinstance(node.args[0], ast.Attribute)
    )

    assert passed_at == sorted(point.name for point in CrashPoint)
