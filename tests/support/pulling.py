"""What a partner asks for to see that it has everything: all its events by pulling, and its ledger."""

from typing import Any

from tests.support.desk import Desk


def pulled(desk: Desk, endpoint_id: str) -> list[tuple[int, str]]:
    """Return the sequence and the id of each event of an endpoint, page by page, as a partner would."""
    found: list[tuple[int, str]] = []
    while True:
        after = found[-1][0] if found else 0
        page = _asked(desk, f"/v1/webhook-endpoints/{endpoint_id}/events?limit=100&after_sequence={after}")
        found += [(one["sequence"], one["event_id"]) for one in page["items"]]
        if not page["items"] or found[-1][0] == page["last_sequence"]:
            return found


def totals(desk: Desk, endpoint_id: str) -> dict[str, Any]:
    """Return the counts of all of an endpoint's days, and whether its sequence has no gap."""
    ledger = _asked(desk, f"/v1/webhook-endpoints/{endpoint_id}/ledger")
    return {**ledger["total"], "gapless": ledger["gapless"]}


def _asked(desk: Desk, path: str) -> Any:
    answer = desk.call("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()
