"""Tickets of all types under random acts, beside a model: every answer, and every state after it, is as the model says.

The long form, with `--soak`, walks much further.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.tickets import TicketType
from tests.api.conftest import ApiClient, Standing
from tests.support.approvers import Person, person_of, put, state_of, step
from tests.support.lifecycles import written

TABLES = {of: written(of) for of in TicketType}
WINDOW = {"planned_start": "2126-05-01T06:00:00Z", "planned_end": "2126-05-01T08:00:00Z"}
NEEDED: dict[tuple[str, str], dict[str, str]] = {
    ("open/in_review", "resolve"): {"outcome": "failed"},
    **{(state, "schedule"): WINDOW for state in ("open/planning", "open/approved", "on_hold/scheduled")},
}
# Any of the two in the first step, both in the second.
QUORUMS = (any, all)


@dataclass(kw_only=True)
class Model:
    """What a ticket should be. *asked* is the step that is pending, *votes* those in it."""

    id: str
    of: TicketType
    chained: bool
    state: str
    planned: bool = False
    asked: int = 0
    votes: dict[str, bool] = field(default_factory=dict)

    def holds(self) -> set[str]:
        """Return the conditions that hold for the desk; the risk is low."""
        facts = {"d": True, "h": self.chained, "p": self.planned, "l": self.planned and not self.chained, "c": True}
        return {name for name, is_so in facts.items() if is_so}

    def legal(self, holds: set[str]) -> list[str]:
        """Return what can be done, in the order of the API."""
        moves = TABLES[self.of].get(self.state, {})
        return [action.value for action in Action if action in moves and set(moves[action][1]) <= holds]

    def do(self, action: str) -> None:
        """Take an edge; what was asked for is asked anew."""
        self.state, self.asked, self.votes = TABLES[self.of][self.state][action][0], 0, {}

    def vote(self, who: str, among: set[str], *, approves: bool) -> str:
        """Count a vote and return what the step came to."""
        self.votes[who] = approves
        quorum = QUORUMS[self.asked]
        if quorum(self.votes.get(one, False) for one in among):
            self.asked, self.votes = self.asked + 1, {}
            if self.asked == len(QUORUMS):
                self.do("approve")
            return "approved"
        if not quorum(self.votes.get(one, True) for one in among):
            self.do("reject")
            return "rejected"
        return "pending"


class Desk:
    """Who acts, and in which services."""

    def __init__(self, standing: Standing) -> None:
        self.boss = ApiClient(standing.http, standing.tenant.token)
        self.requester = person_of(standing, Role.REQUESTER)
        self.approvers: list[Person] = [person_of(standing, Role.AGENT) for _ in "ab"]
        names = {True: "With approvers", False: "Without"}
        made = {chained: self.boss.post("/v1/services", json={"name": name}) for chained, name in names.items()}
        self.services = {chained: str(answer.json["id"]) for chained, answer in made.items()}
        steps = [step(*self.approvers), step(*self.approvers, quorum="all")]
        assert put(self.boss, self.services[True], *steps).status_code == 200


class Walk(RuleBasedStateMachine):
    """One walk through the tickets that it files."""

    desk: ClassVar[Desk]

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[Model] = []

    @rule(of=st.sampled_from(TicketType), chained=st.booleans())
    def file(self, of: TicketType, chained: bool) -> None:
        body = {"subject": "x", "type": of.value, "service_id": self.desk.services[chained]}
        made = self.desk.requester.api.post("/v1/tickets", json=body).json
        begun = {TicketType.REQUEST: "awaiting", TicketType.CHANGE: "new/planning"} if chained else {}
        self.tickets.append(Model(id=made["id"], of=of, chained=chained, state=begun.get(of, "new")))

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 3), likely=st.integers(0, 20), action=st.sampled_from(Action))
    def act(self, which: int, likely: int, action: Action) -> None:
        ticket = self._some(which)
        legal = ticket.legal(ticket.holds())
        # Most acts are legal ones, or a walk would get nowhere.
        name = legal[likely % len(legal)] if legal and likely < 15 else action.value
        fields = NEEDED.get((ticket.state, name), {}) if name in legal else {}
        answer = self._acted(self.desk.boss, ticket, name, **fields)
        if name in legal:
            assert answer.status_code == 200, answer.json
            ticket.do(name)
        else:
            assert (answer.status_code, answer.json["legal_actions"]) == (409, legal)

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 3), action=st.sampled_from(Action))
    def act_as_requester(self, which: int, action: Action) -> None:
        ticket = self._some(which)
        legal = ticket.legal({"c"})
        own = {"close", "reopen"} | ({"cancel"} if ticket.of is TicketType.REQUEST else set())
        answer = self._acted(self.desk.requester.api, ticket, action.value)
        expected = 403 if action not in own else 200 if action in legal else 409
        assert answer.status_code == expected, answer.json
        if expected == 200:
            ticket.do(action.value)

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 3), who=st.integers(0, 1), approves=st.booleans())
    def vote(self, which: int, who: int, approves: bool) -> None:
        ticket, voter = self._some(which), self.desk.approvers[who]
        asked = self.desk.boss.get(f"/v1/tickets/{ticket.id}/approvals?limit=100").json["items"]
        if not asked:
            return
        pending = [one for one in asked if one["state"] == "pending"]
        assert len(pending) == (ticket.state == "awaiting")
        begun = [one for one in asked if one["votes"]]
        answer = voter.votes((pending or begun)[-1]["id"], "approve" if approves else "reject")
        if pending:
            among = {one.id for one in self.desk.approvers}
            assert answer.json["state"] == ticket.vote(voter.id, among, approves=approves)
        else:
            assert answer.status_code == 409

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 3))
    def plan(self, which: int) -> None:
        ticket = self._some(which)
        body = {"plan": "x", "backout_plan": "y", "risk": "low"}
        answer = self.desk.boss.patch(f"/v1/tickets/{ticket.id}/change", json=body)
        if ticket.of is not TicketType.CHANGE:
            assert answer.status_code == 404
        elif ticket.planned and answer.status_code == 200:
            assert answer.json["version"] >= 1
        else:
            drafted = ticket.state not in {"closed", "cancelled"} and ticket.state in {
                "new", "open", "pending", "on_hold", "resolved", "new/planning", "open/planning",
            }  # fmt: skip
            assert answer.status_code == (200 if drafted else 409)
            ticket.planned = ticket.planned or drafted

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 3))
    def write_as_requester(self, which: int) -> None:
        ticket = self._some(which)
        answer = self.desk.requester.api.post(f"/v1/tickets/{ticket.id}/comments", json={"body": "Any news?"})
        assert answer.status_code == 201
        if ticket.state.startswith("resolved"):
            ticket.do("reopen")

    def _some(self, which: int) -> Model:
        return self.tickets[-4:][which % len(self.tickets[-4:])]

    def _acted(self, who: ApiClient, ticket: Model, action: str, **fields: str) -> Any:
        return who.post(f"/v1/tickets/{ticket.id}/transitions", json={"action": action, **fields})

    @override
    def teardown(self) -> None:
        for ticket in self.tickets:
            status, stage = state_of(self.desk.boss, ticket.id)
            shown = "awaiting" if stage == "awaiting_approval" else f"{status}/{stage}" if stage else status
            assert shown == ticket.state


@pytest.fixture
def walks(request: pytest.FixtureRequest) -> settings:
    examples, steps = (300, 60) if request.config.getoption("soak") else (4, 25)
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=examples == 4,
        suppress_health_check=list(HealthCheck),
    )


def test_the_api_does_what_the_model_does(standing: Standing, walks: settings) -> None:
    walk = type("WalkHere", (Walk,), {"desk": Desk(standing)})

    run_state_machine_as_test(walk, settings=walks)
