"""Who of a team gets a ticket: laws that hold for all teams, beside a simple model, and the sentences that say why."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from psms.domain.routing.config import (
    MemberRule,
    RoutingConfig,
    SkillUse,
    Strategy,
    WhenNobody,
    config_of,
    document_of,
)
from psms.domain.routing.deciding import Member, Obstacle, decide, given
from psms.domain.routing.decisions import why_of

QUICKLY = settings(deadline=None, max_examples=40)
AUTOMATIC = [Strategy.ROUND_ROBIN, Strategy.LEAST_LOADED]
LEVELS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 5), max_size=3)
CONFIGS = st.builds(RoutingConfig, strategy=st.sampled_from(AUTOMATIC), skills=st.sampled_from(SkillUse))
MEMBERS = st.lists(
    st.builds(
        Member,
        user_id=st.integers(1, 9).map(lambda number: UUID(int=number)),
        load=st.integers(0, 5),
        capacity=st.none() | st.integers(0, 6),
        turn=st.integers(0, 5),
        works=st.booleans() | st.just(value=True),
        is_away=st.booleans(),
        is_open=st.booleans() | st.just(value=True),
        skills=LEVELS,
    ),
    max_size=6,
    unique_by=lambda member: member.user_id,
)


def fit(config: RoutingConfig, members: list[Member], required: dict[str, int]) -> list[Member]:
    """Return who may be given a ticket, in the words of the specification."""
    return [
        one
        for one in members
        if one.works
        and not one.is_away
        and one.is_open
        and (one.capacity is None or one.load < one.capacity)
        and (
            config.skills is not SkillUse.REQUIRE
            or all(one.skills.get(skill, 0) >= level for skill, level in required.items())
        )
    ]


@QUICKLY
@over(CONFIGS, MEMBERS, LEVELS)
def test_nobody_gets_a_ticket_who_is_away_full_or_cannot_do_it_and_somebody_does_who_can(config, members, required):
    chosen = decide(config, members, required).user_id

    fitting = fit(config, members, required)
    assert (chosen is None) == (not fitting)
    assert chosen is None or chosen in {one.user_id for one in fitting}


@QUICKLY
@over(CONFIGS, MEMBERS, LEVELS)
def test_of_those_who_fit_the_least_loaded_or_the_one_whose_turn_was_longest_ago_is_chosen(config, members, required):
    best = fit(config, members, required)
    if config.skills is SkillUse.PREFER and best:
        score = {one.user_id: sum(one.skills.get(skill, 0) for skill in required) for one in best}
        best = [one for one in best if score[one.user_id] == max(score.values())]
    if config.strategy is Strategy.LEAST_LOADED:
        best = [one for one in best if one.load == min(other.load for other in best)]
    best = [one for one in best if one.turn == min(other.turn for other in best)]

    assert decide(config, members, required).user_id == min((one.user_id for one in best), default=None)


@QUICKLY
@over(CONFIGS, MEMBERS, LEVELS, st.randoms(use_true_random=False))
def test_the_order_in_which_members_come_makes_no_difference(config, members, required, chance):
    mixed = list(members)
    chance.shuffle(mixed)

    assert decide(config, mixed, required) == decide(config, members, required)


@QUICKLY
@over(MEMBERS, LEVELS)
def test_with_anyone_a_team_with_somebody_who_works_leaves_nothing(members, required):
    config = RoutingConfig(strategy=Strategy.ROUND_ROBIN, when_nobody=WhenNobody.ANYONE)
    choice = decide(config, members, required)

    assert (choice.user_id is not None) == any(one.works for one in members)
    if fit(config, members, required):
        assert choice.candidates[0].eligible


@QUICKLY
@over(st.sampled_from(AUTOMATIC), st.integers(1, 7), st.integers(0, 60))
def test_equals_get_equally_many_within_one(strategy, size, tickets):
    config = RoutingConfig(strategy=strategy)
    members = {one.user_id: one for one in (Member(user_id=UUID(int=number)) for number in range(size))}
    got: Counter[UUID] = Counter(dict.fromkeys(members, 0))
    for turn in range(1, tickets + 1):
        chosen = decide(config, members.values(), {}).user_id
        assert chosen is not None
        got[chosen] += 1
        members[chosen] = given(members[chosen], turn)

    assert max(got.values()) - min(got.values()) <= 1


ANA, BEN, EVE = (Member(user_id=UUID(int=number)) for number in (1, 2, 3))


def said(config: RoutingConfig, *members: Member, required: dict[str, int] | None = None) -> str:
    choice = decide(config, members, required or {})
    return why_of(config.strategy, choice.user_id, choice.candidates, "Ana")


def test_a_decision_says_why_in_a_sentence():
    least = RoutingConfig(strategy=Strategy.LEAST_LOADED)
    assert said(least) == "Nobody could be given it: the team has no members. It waits in the team's queue."
    assert (
        said(least, replace(ANA, load=1, capacity=5), replace(BEN, load=2), replace(EVE, is_away=True))
        == "Ana got it, with the least to do, with 1 open ticket of at most 5; 1 more could have had it (1 away)."
    )
    assert (
        said(RoutingConfig(strategy=Strategy.ROUND_ROBIN), replace(ANA, turn=3, skills={"a": 4}), required={"a": 4})
        == "Ana got it, whose turn it was, with no open ticket, skills worth 4; there was nobody else."
    )
    assert (
        said(replace(least, when_nobody=WhenNobody.ANYONE), replace(ANA, is_open=False))
        == "Ana got it although outside working hours, with no open ticket: nobody was better placed, and the team"
        " takes anyone then."
    )


def test_a_refusal_is_told_alike_for_like_reasons_only():
    config = RoutingConfig(strategy=Strategy.LEAST_LOADED)
    full, away = replace(ANA, capacity=0), replace(BEN, is_away=True)

    assert decide(config, [full, away], {}).refusal == decide(config, [away, full, full], {}).refusal == "away,full"
    assert decide(config, [away], {}).refusal == Obstacle.AWAY
    assert decide(config, [], {}).refusal == "nobody"


def test_a_configuration_is_kept_word_for_word():
    rule = MemberRule(user_id=UUID(int=1), capacity=0, calendar_id=UUID(int=2))
    config = RoutingConfig(strategy=Strategy.ROUND_ROBIN, capacity=5, calendar_id=UUID(int=3), members=(rule,))

    assert config_of(document_of(config)) == config
