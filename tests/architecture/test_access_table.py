"""The documented permission matrix is the one that is enforced."""

from tests.architecture.access_table import access_table
from tests.architecture.sources import ROOT


def test_the_documented_matrix_is_the_one_in_the_code():
    """To write it anew: `python -m tests.architecture.access_table`."""
    assert access_table() in (ROOT / "docs/access.md").read_text(encoding="utf-8")


def test_every_permission_has_a_row():
    rows = access_table().splitlines()

    assert len(rows) == 2 + 52
    assert rows[3] == "| `ticket.read` | `tickets:read` | all | all | team | own: limited fields | scope | all |  |"
