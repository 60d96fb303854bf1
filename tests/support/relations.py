"""Short ways to what tests of tickets' relations do over and over, over the API. What is asserted is theirs."""

from typing import Any

from tests.api.conftest import ApiClient
from tests.support.databases import MigratedDatabase


class Tickets:
    """Tickets of one organization, as a client of it files and relates them."""

    def __init__(self, client: ApiClient) -> None:
        """Act as *client*."""
        self.client = client

    def file(self, subject: str = "Printer on fire", **fields: Any) -> str:
        """File a ticket and return its id."""
        answer = self.client.post("/v1/tickets", json={"subject": subject, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def read(self, ticket_id: str) -> dict[str, Any]:
        """Return a ticket."""
        answer = self.client.get(f"/v1/tickets/{ticket_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json
        return shown

    def act(self, ticket_id: str, what: str, method: str = "POST", /, **body: Any) -> Any:
        """Send a request about a ticket and return the answer."""
        return self.client.call(method, f"/v1/tickets/{ticket_id}/{what}", **({"json": body} if body else {}))

    def move(self, ticket_id: str, action: str) -> Any:
        """Move a ticket along its lifecycle and return the answer."""
        return self.act(ticket_id, "transitions", action=action)

    def attach(self, ticket_id: str, parent_id: str) -> Any:
        """Make a ticket part of another one and return the answer."""
        return self.act(ticket_id, "parent", "PUT", parent_id=parent_id)

    def merge(self, ticket_id: str, into: str) -> Any:
        """Merge a ticket into another one and return the answer."""
        return self.act(ticket_id, "merge", into=into)

    def say(self, ticket_id: str, body: str, visibility: str = "public") -> Any:
        """Comment on a ticket and return the answer."""
        return self.act(ticket_id, "comments", body=body, visibility=visibility)

    def said(self, ticket_id: str) -> list[str]:
        """Return the texts of a ticket's comments."""
        return [one["body"] for one in self.client.get(f"/v1/tickets/{ticket_id}/comments").json["items"]]

    def watchers(self, ticket_id: str) -> set[str]:
        """Return who follows a ticket."""
        return {one["user_id"] for one in self.client.get(f"/v1/tickets/{ticket_id}/watchers").json["items"]}

    def clocks(self, ticket_id: str) -> dict[str, tuple[str, float]]:
        """Return the state of each clock of a ticket, and the seconds that it has consumed, by metric."""
        clocks = self.client.get(f"/v1/tickets/{ticket_id}/sla").json["clocks"]
        return {one["metric"]: (one["state"], one["consumed_seconds"]) for one in clocks}


def refusal(answer: Any) -> tuple[int, str, object]:
    """Return the status of a refusal, its code and its reason."""
    return answer.status_code, answer.json["code"], answer.json.get("reason")


def told(database: MigratedDatabase, ticket_id: str, after: int = 1) -> list[object]:
    """Return the events of a ticket after its first ones, in order; they are numbered without a gap."""
    found = database.rows(
        "SELECT type, sequence FROM events WHERE ticket_id = %s AND sequence > %s ORDER BY sequence", ticket_id, after
    )
    assert [number for _, number in found] == list(range(after + 1, after + 1 + len(found)))
    return [kind for kind, _ in found]
