"""Which policy is for a ticket, and what is said of those that are not. What they promise is tried elsewhere."""

from typing import Any
from uuid import UUID

import pytest

from psms.domain.sla.matching import Conditions, Policy, Refusal, Subject, explain, first_match
from psms.domain.tickets import Priority, TicketType

SERVICE, OTHER = UUID(int=1), UUID(int=2)
TICKET = Subject(
    service_id=SERVICE,
    type=TicketType.INCIDENT,
    priority=Priority.HIGH,
    customer_tier="gold",
    tags=frozenset({"vip", "payments"}),
    custom_fields={"region": "emea", "seats": 1, "trial": True},
)


def policy(name: str, **conditions: Any) -> Policy[str]:
    """Return a policy that stands for its name."""
    return Policy(name=name, conditions=Conditions(**conditions), value=name)


HOLDING = [
    {},
    {"services": frozenset({SERVICE, OTHER})},
    {"types": frozenset({TicketType.INCIDENT})},
    {"priorities": frozenset({Priority.HIGH, Priority.CRITICAL})},
    {"customer_tiers": frozenset({"gold"})},
    {"any_tags": frozenset({"vip", "other"})},
    {"all_tags": frozenset({"vip", "payments"})},
    {"no_tags": frozenset({"internal"})},
    {"custom_fields": {"region": frozenset({"emea", "apac"}), "seats": frozenset({1})}},
    {"custom_fields": {"missing": frozenset({None})}},
]
FAILING = [
    ({"services": frozenset({OTHER})}, "service", f"one of {OTHER}", str(SERVICE)),
    ({"types": frozenset({TicketType.CHANGE})}, "type", "one of change", "incident"),
    ({"priorities": frozenset({Priority.LOW, Priority.MEDIUM})}, "priority", "one of low, medium", "high"),
    ({"customer_tiers": frozenset({"silver"})}, "customer_tier", "one of silver", "gold"),
    ({"any_tags": frozenset({"other"})}, "tags", "one of other", "payments, vip"),
    ({"all_tags": frozenset({"vip", "other"})}, "tags", "all of other, vip", "payments, vip"),
    ({"no_tags": frozenset({"vip"})}, "tags", "none of vip", "payments, vip"),
    ({"custom_fields": {"region": frozenset({"apac"})}}, "custom_fields.region", "one of apac", "emea"),
    ({"custom_fields": {"missing": frozenset({"x"})}}, "custom_fields.missing", "one of x", "nothing"),
    ({"custom_fields": {"trial": frozenset({1})}}, "custom_fields.trial", "one of 1", "True"),
    ({"services": frozenset()}, "service", "one of nothing", str(SERVICE)),
]


@pytest.mark.parametrize("conditions", HOLDING)
def test_a_policy_is_for_a_ticket_that_meets_its_conditions(conditions: dict[str, Any]) -> None:
    assert first_match([policy("it", **conditions)], TICKET) == policy("it", **conditions)


@pytest.mark.parametrize(("conditions", "field", "wanted", "found"), FAILING)
def test_the_condition_that_failed_is_named(conditions: dict[str, Any], field: str, wanted: str, found: str) -> None:
    (verdict,) = explain([policy("it", **conditions)], TICKET)

    assert verdict.refusals == (Refusal(field=field, wanted=wanted, found=found),)
    assert first_match([policy("it", **conditions)], TICKET) is None


def test_the_first_of_several_is_for_the_ticket() -> None:
    policies = [
        policy("changes", types=frozenset({TicketType.CHANGE}), priorities=frozenset({Priority.LOW})),
        policy("gold", customer_tiers=frozenset({"gold"})),
        policy("catch-all"),
    ]

    assert first_match(policies, TICKET) == policies[1]
    verdicts = explain(policies, TICKET)
    assert [(verdict.policy.name, [r.field for r in verdict.refusals]) for verdict in verdicts] == [
        ("changes", ["type", "priority"]),
        ("gold", []),
    ]


def test_without_policies_there_is_none() -> None:
    assert first_match([], TICKET) is None
    assert explain([], TICKET) == ()
