"""People who file, approve and refuse over the API, for the tests of approvals and changes."""

from dataclasses import dataclass
from typing import Any

from psms.domain.access import Role
from tests.api.conftest import ApiClient, Standing
from tests.support.tenants import add_caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the organization, and their way into the API."""

    id: str
    api: ApiClient

    def votes(self, approval: str, decision: str = "approve", **more: str) -> Any:
        """Vote."""
        if decision == "reject":
            more.setdefault("comment", "Too dear.")
        return self.api.post(f"/v1/approvals/{approval}/votes", json={"decision": decision, **more})


def person_of(standing: Standing, role: Role) -> Person:
    """Return a new person of a role."""
    caller = add_caller(standing.rt, standing.tenant.organization_id, role)
    return Person(id=str(caller.actor.user_id), api=ApiClient(standing.http, caller.token))


def put(client: ApiClient, service: str, *steps: dict[str, Any]) -> Any:
    """Save the chain of a service."""
    return client.call("PUT", f"/v1/services/{service}/approvals", json={"steps": list(steps)})


def step(*people: Person, **more: Any) -> dict[str, Any]:
    """Return a step that asks these people."""
    return {"name": "Consent", "user_ids": [one.id for one in people], **more}


def asked(who: Person, service: str, **more: Any) -> Any:
    """File a request and return it."""
    answer = who.api.post("/v1/tickets", json={"subject": "A laptop", "type": "request", "service_id": service, **more})
    assert answer.status_code == 201, answer.text
    return answer.json


def pending(who: Person) -> str:
    """Return the one approval that waits for somebody."""
    (found,) = who.api.get("/v1/approvals?state=pending&mine=true").json["items"]
    return str(found["id"])


def state_of(client: ApiClient, ticket: str) -> tuple[str, str | None]:
    """Return status and stage of a ticket."""
    shown = client.get(f"/v1/tickets/{ticket}").json
    return shown["status"], shown["stage"]
