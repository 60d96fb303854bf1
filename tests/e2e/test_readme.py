"""The README's tour, pasted as it stands into a shell beside a running system."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.support.desk import running_desk
from tests.support.ports import own_port

_PROJECT = Path(__file__).resolve().parents[2]


def tour() -> str:
    """Return the shell blocks of the README's tour, in order, with a free port for the partner."""
    text = (_PROJECT / "README.md").read_text(encoding="utf-8")
    section = text.split("## A tour of five minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 5
    return "set -m\n" + "\n".join(blocks).replace("9000", str(own_port()))


def test_the_tour_works_as_pasted(tmp_path: Path) -> None:
    with running_desk(tmp_path / "home"):
        shell = subprocess.Popen(
            ["bash"],
            cwd=_PROJECT,
            env={**os.environ, "PSMS_HOME": str(tmp_path / "home")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = shell.communicate(tour(), timeout=60)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGKILL)

    for event in ("ticket.created", "ticket.commented", "ticket.status_changed", "ticket.resolved"):
        assert f"verified: {event}" in printed, printed
    assert "refused" not in printed, printed
    assert '"state":"delivered"' in printed, printed
    assert '"action":"ticket.status_changed"' in printed, printed
    assert "HTTP/1.1 409 Conflict" in printed, printed
    assert '"code":"action_not_allowed"' in printed, printed
    assert '"legal_actions":["close","reopen"]' in printed, printed
