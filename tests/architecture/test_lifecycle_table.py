"""The documented lifecycles are those that are enforced."""

from tests.architecture.lifecycle_table import lifecycle_tables
from tests.architecture.sources import ROOT


def test_the_documented_lifecycles_are_those_in_the_code():
    """To write them anew: `python -m tests.architecture.lifecycle_table`."""
    assert lifecycle_tables() in (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8")
