"""The documented catalogue of events is the one in the code, and every type has its section."""

from psms.domain.event_catalogue.definitions import CATALOGUE
from tests.architecture.event_page import event_page
from tests.architecture.sources import ROOT


def test_the_documented_catalogue_is_the_one_in_the_code():
    """To write it anew: `python -m tests.architecture.event_page`, in place of all from `## All events` on."""
    assert event_page() in (ROOT / "docs/events.md").read_text(encoding="utf-8")


def test_every_type_has_a_row_and_a_section():
    page = event_page()

    for one in CATALOGUE:
        assert f"| [`{one}`](#" in page
        assert f"### {one}\n" in page
