from dataclasses import replace
from decimal import Decimal

import pytest

from guiyi.see.register.api import (
    Axis,
    ChannelActivity,
    ChannelStatus,
    Function,
    Register,
    ScorePolicy,
    score_channels,
    yearly_costs,
)
from guiyi.see.register.rules import AXIS_LABELS, steps_of


def _score(
    register: Register, channel_id: str, axis: Axis, traffic: dict[str, ChannelActivity] | None = None
) -> int | None:
    policy = ScorePolicy(lively_share=Decimal("0.5"))
    scores = {(s.channel_id, s.axis): s for s in score_channels(register, traffic, policy)}
    assert scores[channel_id, axis].rule.zh
    assert scores[channel_id, axis].rule.en
    return scores[channel_id, axis].score


@pytest.mark.parametrize(("customers", "score"), [(0, 100), (100, 80), (500, 0), (900, 0)])
def test_activity_counts_against_the_busiest_when_traffic_is_known(small: Register, customers: int, score: int) -> None:
    traffic = {"app": ChannelActivity(1_000, 2_000), "oa": ChannelActivity(customers, 1_000)}
    assert _score(small, "oa", Axis.ACTIVITY, traffic) == score


def test_activity_has_no_score_when_traffic_is_unknown(small: Register) -> None:
    assert _score(small, "oa", Axis.ACTIVITY) is None
    assert _score(small, "oa", Axis.ACTIVITY, {"app": ChannelActivity(1, 1)}) is None
    assert _score(small, "oa", Axis.ACTIVITY, {"oa": ChannelActivity(0, 0)}) is None


def test_experience_is_the_mean_of_long_paths_and_gaps_when_functions_are_offered(small: Register) -> None:
    more = (*small.functions, Function(function_id="accounts.statements", name_zh="明细", name_en="Statements"))
    register = replace(small, functions=more)
    # app: 2 steps are easy, half of accounts is missing; oa: 4 of 2..5 steps.
    assert _score(register, "app", Axis.EXPERIENCE) == 25
    assert _score(register, "oa", Axis.EXPERIENCE) == 59


def test_redundancy_is_the_share_offered_elsewhere_when_other_channels_are_open(small: Register) -> None:
    assert _score(small, "oa", Axis.REDUNDANCY) == 100
    closed = (replace(small.channels[0], status=ChannelStatus.CLOSED), small.channels[1])
    assert _score(replace(small, channels=closed), "oa", Axis.REDUNDANCY) == 0


def test_offerings_axes_have_no_score_when_nothing_is_offered(small: Register) -> None:
    bare = replace(small, offerings=())
    assert _score(bare, "oa", Axis.EXPERIENCE) is None
    assert _score(bare, "oa", Axis.REDUNDANCY) is None


def test_risk_is_as_entered_when_scored(small: Register) -> None:
    assert _score(small, "app", Axis.RISK) is None
    risky = replace(small, channels=(replace(small.channels[0], risk_score=70), small.channels[1]))
    assert _score(risky, "app", Axis.RISK) == 70


def test_every_channel_has_every_axis_once_when_scored(small: Register) -> None:
    found = [(s.channel_id, s.axis) for s in score_channels(small, None)]
    assert found == [(c.channel_id, axis) for c in small.channels for axis in Axis]
    assert set(AXIS_LABELS) == set(Axis)


@pytest.mark.parametrize(("path", "steps"), [("首页", 1), ("首页 > 转账 > 跨行", 3), ("/a/b", 2), (">", 1)])
def test_steps_are_counted_when_path_is_split(path: str, steps: int) -> None:
    assert steps_of(path) == steps


def test_yearly_cost_is_the_channels_and_its_functions_when_added(small: Register) -> None:
    assert yearly_costs(small) == {"app": Decimal(904_000), "oa": Decimal(0)}
