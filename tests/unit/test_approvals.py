"""Approvals: what votes come to, how a step is stored, and which steps make sense."""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from psms.domain.approvals import (
    ApprovalState,
    ApprovalStep,
    Decision,
    OnExpiry,
    Quorum,
    require_sound,
    step_of,
    verdict,
)
from psms.errors import FieldError

YES, NO = Decision.APPROVE, Decision.REJECT
APPROVED, REJECTED = ApprovalState.APPROVED, ApprovalState.REJECTED
SOMEBODY = UUID(int=1)
STEP = ApprovalStep(name="Consent", user_ids=(SOMEBODY,))


@pytest.mark.parametrize(
    ("step", "asked", "required"),
    [
        (STEP, 3, 1),
        (replace(STEP, quorum=Quorum.ALL), 3, 3),
        (replace(STEP, quorum=Quorum.COUNT, count=2), 3, 2),
        (replace(STEP, quorum=Quorum.COUNT, count=5), 3, 3),
        (replace(STEP, quorum=Quorum.ALL), 0, 1),
    ],
)
def test_a_quorum_is_of_those_who_are_asked(step: ApprovalStep, asked: int, required: int) -> None:
    assert step.required(asked) == required


@pytest.mark.parametrize(
    ("required", "votes", "expected"),
    [
        (1, [NO, YES, None], APPROVED),
        (1, [NO, NO, None], None),
        (1, [NO, NO, NO], REJECTED),
        (3, [YES, YES, None], None),
        (3, [YES, NO, None], REJECTED),
        (2, [NO, YES, YES], APPROVED),
        (2, [NO, None, NO], REJECTED),
        (1, [], None),
    ],
)
def test_votes_decide_as_soon_as_they_can(
    required: int, votes: list[Decision | None], expected: ApprovalState | None
) -> None:
    assert verdict(required, votes) is expected


def test_whatever_comes_after_a_verdict_cannot_turn_it_round() -> None:
    for asked in range(1, 5):
        for required, votes in product(range(1, asked + 1), product((YES, NO, None), repeat=asked)):
            decided = verdict(required, votes)
            open_votes = [place for place, vote in enumerate(votes) if vote is None]
            for rest in product((YES, NO), repeat=len(open_votes)):
                full = list(votes)
                for place, vote in zip(open_votes, rest, strict=True):
                    full[place] = vote
                assert verdict(required, full) in ({decided} if decided else {APPROVED, REJECTED})


def test_a_step_is_read_as_it_was_stored() -> None:
    full = ApprovalStep(
        name="Board",
        user_ids=(SOMEBODY,),
        team_ids=(UUID(int=2),),
        quorum=Quorum.COUNT,
        count=2,
        remind_after_seconds=60,
        expire_after_seconds=120,
        on_expiry=OnExpiry.ESCALATE,
        escalate_to=UUID(int=3),
        own_requests=True,
    )

    assert [step_of(step.document) for step in (STEP, full)] == [STEP, full]


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (replace(STEP, user_ids=()), "user_ids"),
        (replace(STEP, quorum=Quorum.COUNT), "count"),
        (replace(STEP, count=1), "count"),
        (replace(STEP, escalate_to=SOMEBODY), "escalate_to"),
        (replace(STEP, on_expiry=OnExpiry.ESCALATE, expire_after_seconds=60), "escalate_to"),
        (replace(STEP, on_expiry=OnExpiry.ESCALATE, escalate_to=SOMEBODY), "expire_after_seconds"),
    ],
)
def test_a_step_that_makes_no_sense_is_named(step: ApprovalStep, field: str) -> None:
    with pytest.raises(FieldError, match=rf"^steps\.1\.{field}:"):
        require_sound((STEP, step))
