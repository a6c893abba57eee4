"""A small bank, from register and event log to plan, report, workbook and record."""

import io
import json
from collections.abc import Generator
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import text

from guiyi.decide.planning.api import (
    BankPlan,
    Policies,
    PoliciesInvalid,
    latest_facts,
    latest_plan_document,
    list_plans,
    plan_bank,
    record_plan,
    render_report,
    verify,
    write_plan,
)
from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import newest, verify_chain
from guiyi.plumbing.db.api import Database
from guiyi.see.register.api import (
    Attrition,
    Channel,
    ChannelKind,
    ChannelStatus,
    Cost,
    CostTiming,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
)
from guiyi.see.traffic.api import EventSource, Scope, Traffic, read_traffic

APP, ACCOUNT = ChannelKind.APP, ChannelKind.SERVICE_ACCOUNT
CHANNELS = ("app", "oa", "old")


def channel(channel_id: str, kind: ChannelKind, platform: str, status: ChannelStatus = ChannelStatus.OPEN) -> Channel:
    return Channel(
        channel_id=channel_id,
        name_zh=f"渠道 <{channel_id}>",
        name_en=f"Channel <{channel_id}>",
        kind=kind,
        platform_id=platform,
        owner_department="零售部",
        lead_department="数字金融部",
        status=status,
        opened_on=date(2019, 1, 1),
    )


@pytest.fixture
def register() -> Register:
    return Register(
        channels=(
            channel("app", APP, "own"),
            channel("gone", ACCOUNT, "wechat", ChannelStatus.CLOSED),
            channel("oa", ACCOUNT, "wechat"),
            channel("old", ACCOUNT, "wechat", ChannelStatus.CLOSING),
        ),
        functions=(
            Function(
                function_id="accounts.balance", name_zh="余额", name_en="Balance", value_per_customer=Decimal("3.5")
            ),
            Function(function_id="lifestyle.cinema", name_zh="电影", name_en="Cinema", may_end=True),
            Function(function_id="service.hotline", name_zh="客服", name_en="Hotline"),
        ),
        offerings=(
            Offering(channel_id="app", function_id="accounts.balance", entry_path="首页", running_cost=Decimal(10)),
            Offering(channel_id="oa", function_id="accounts.balance", entry_path="菜单", running_cost=Decimal(10)),
            Offering(channel_id="oa", function_id="service.hotline", entry_path="菜单", running_cost=Decimal(5)),
            Offering(channel_id="old", function_id="accounts.balance", entry_path="菜单", running_cost=Decimal(10)),
            Offering(channel_id="old", function_id="lifestyle.cinema", entry_path="菜单", running_cost=Decimal(8)),
        ),
        hosting=(Hosting(channel_id="app", function_id="service.hotline", porting_cost=Decimal(30)),),
        costs=(
            *(
                Cost(channel_id=c, heading="operations", timing=CostTiming.PER_YEAR, amount=Decimal(1000))
                for c in CHANNELS
            ),
            Cost(channel_id="oa", heading="closing", timing=CostTiming.CLOSING, amount=Decimal(50)),
        ),
        platforms=(
            Platform(platform_id="own", name_zh="自有", name_en="Own"),
            Platform(platform_id="wechat", name_zh="微信", name_en="WeChat"),
        ),
        attrition=tuple(
            Attrition(
                kind_from=a,
                kind_host=b,
                segment="*",
                active=active,
                rate=Decimal("0.1") if active else Decimal("0.5"),
                source="test",
                grade="C",
            )
            for a in (APP, ACCOUNT)
            for b in (APP, ACCOUNT)
            for active in (True, False)
        ),
    )


LOG = """event_time,channel_id,function_id,user_key,customer_id
2026-01-05T02:00:00Z,app,accounts.balance,a1,1
2026-01-06T02:00:00Z,app,accounts.balance,a2,2
2026-01-07T02:00:00Z,oa,accounts.balance,o1,1
2026-01-08T02:00:00Z,oa,service.hotline,o3,3
2026-01-09T02:00:00Z,old,accounts.balance,x4,4
2026-01-09T03:00:00Z,old,lifestyle.cinema,x4,4
2026-02-09T03:00:00Z,old,accounts.balance,x5,
"""


@pytest.fixture
def traffic(tmp_path: Path) -> Generator[Traffic]:
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    scope = Scope(
        channel_ids=("app", "gone", "oa", "old"),
        function_ids=("accounts.balance", "lifestyle.cinema", "service.hotline"),
        timezone="Asia/Shanghai",
    )
    with read_traffic(EventSource(log), scope) as read:
        yield read


def policies(*rows: dict[str, object]) -> Policies:
    return Policies.model_validate(
        {"schema": "guiyi.policies/1", "horizon_years": 2, "discount_rate": "0", "policies": list(rows)}
    )


@pytest.fixture
def bank_plan(register: Register, traffic: Traffic, clock: Clock) -> BankPlan:
    return _plan(register, traffic, clock, policies({"id": "keep-app", "type": "keep", "channel": "app"}))


def _plan(register: Register, traffic: Traffic, clock: Clock, demanded: Policies) -> BankPlan:
    return plan_bank(
        register,
        traffic,
        demanded,
        clock=clock,
        made_by="lin",
        guiyi_version="0",
        register_sha256="a" * 64,
    )


def test_functions_move_to_the_app_when_that_is_cheapest(bank_plan: BankPlan) -> None:
    plan = bank_plan.plan
    assert plan.status == "proven_optimal"
    assert {row.id: row.fate for row in plan.channels} == {"app": "keep", "oa": "merge", "old": "merge"}
    assert {(row.channel, row.function) for row in plan.hosting} == {
        ("app", "accounts.balance"),
        ("app", "service.hotline"),
    }
    assert plan.measures.reach_lost == 3
    assert plan.measures.customers_moved == 3
    assert plan.measures.uses_at_risk == Decimal("0.5") * 3 + 1
    assert verify(bank_plan.problem_document, bank_plan.plan_document).objective == plan.objective


def test_closed_channel_is_left_out_and_closing_one_must_close(bank_plan: BankPlan) -> None:
    assert [(row.id, row.fate) for row in bank_plan.problem.channels] == [
        ("app", "free"),
        ("oa", "free"),
        ("old", "close"),
    ]


def test_function_without_use_keeps_a_host_when_it_may_not_end(
    register: Register, tmp_path: Path, clock: Clock
) -> None:
    log = tmp_path / "quiet.csv"
    log.write_text("\n".join(LOG.splitlines()[:3]) + "\n")
    scope = Scope(("app", "gone", "oa", "old"), tuple(f.function_id for f in register.functions), "Asia/Shanghai")
    with read_traffic(EventSource(log), scope) as quiet:
        bank_plan = _plan(register, quiet, clock, policies({"id": "p", "type": "keep", "channel": "app"}))
    assert "service.hotline" in {row.function for row in bank_plan.plan.hosting}
    assert {row.id: row.fate for row in bank_plan.plan.channels} == {"app": "keep", "oa": "merge", "old": "retire"}


def test_nearest_name_is_suggested_when_a_policy_names_an_unknown_channel(
    register: Register, traffic: Traffic, clock: Clock
) -> None:
    with pytest.raises(PoliciesInvalid, match="did you mean 'app'"):
        _plan(register, traffic, clock, policies({"id": "p", "type": "keep", "channel": "apps"}))


def test_report_has_every_channel_in_both_languages_and_asks_for_nothing_outside(bank_plan: BankPlan) -> None:
    assert bank_plan.facts is not None
    page = render_report(bank_plan.facts)
    for name in ("渠道 &lt;oa&gt;", "Channel &lt;oa&gt;"):
        assert name in page
    assert "<oa>" not in page
    assert "<script" not in page
    assert "src=" not in page
    assert "url(http" not in page


def test_bridge_adds_up_to_the_objective(bank_plan: BankPlan) -> None:
    from guiyi.decide.planning.report.charts import bridge_steps  # noqa: PLC0415 - the chart's own arithmetic

    assert bank_plan.facts is not None
    steps = dict(bridge_steps(bank_plan.facts))
    total = steps.pop("total")
    assert sum(steps.values(), Decimal(0)) == total


def test_moves_lead_every_lost_entrance_to_its_main_host_or_to_its_end(bank_plan: BankPlan) -> None:
    assert bank_plan.facts is not None
    moves = {c.id: [(m.host, m.functions, m.customers) for m in c.moves] for c in bank_plan.facts.channels}
    assert moves == {
        "app": [],
        "oa": [("app", ("accounts.balance", "service.hotline"), 2)],
        "old": [("app", ("accounts.balance",), 2), (None, ("lifestyle.cinema",), 1)],
    }


def test_outputs_are_written_whole_when_they_are_written_again(bank_plan: BankPlan, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "plan"
    write_plan(bank_plan, folder)
    files = write_plan(bank_plan, folder)
    assert sorted(file.name for file in files) == ["plan.json", "plan.xlsx", "problem.json", "report.html"]
    assert sorted(file.name for file in folder.iterdir()) == sorted(file.name for file in files)
    book = openpyxl.load_workbook(io.BytesIO((folder / "plan.xlsx").read_bytes()), read_only=True)
    summary = {row[0]: row[2] for row in book["summary 摘要"].iter_rows(values_only=True)}
    assert summary["status"] == "proven_optimal"
    assert Decimal(str(summary["objective"])) == bank_plan.plan.objective
    assert len(list(book["cells 单元"].iter_rows())) == len(bank_plan.problem.cells) + 1
    assert json.loads((folder / "plan.json").read_text())["problem_sha256"] == bank_plan.plan.problem_sha256


def test_plan_is_kept_with_its_audit_record_when_it_is_recorded(
    bank_plan: BankPlan, database: Database, clock: Clock
) -> None:
    assert database.run(latest_facts) is None
    assert database.run(latest_plan_document) is None
    for expected in (1, 2):
        summary = database.run(lambda session: record_plan(session, bank_plan, clock=clock))
        assert summary is not None
        assert summary.plan_id == expected
    found = database.run(latest_facts)
    assert found is not None
    assert found == (2, bank_plan.facts)
    assert database.run(latest_plan_document) == bank_plan.plan_document
    assert [row.plan_id for row in database.run(list_plans)] == [2, 1]
    assert [row.plan_id for row in database.run(lambda session: list_plans(session, before=2))] == [1]
    entries = database.run(newest)
    assert [(entry.action, entry.subject) for entry in entries] == [("plan.make", "plan/2"), ("plan.make", "plan/1")]
    assert database.run(verify_chain).is_whole


def test_nothing_is_recorded_when_no_plan_meets_the_policies(
    register: Register, traffic: Traffic, clock: Clock, database: Database, tmp_path: Path
) -> None:
    closing: list[dict[str, object]] = [{"id": c, "type": "close", "channel": c} for c in CHANNELS]
    bank_plan = _plan(register, traffic, clock, policies(*closing))
    assert bank_plan.plan.status == "infeasible"
    assert bank_plan.facts is None
    assert database.run(lambda session: record_plan(session, bank_plan, clock=clock)) is None
    assert sorted(file.name for file in write_plan(bank_plan, tmp_path)) == ["plan.json", "problem.json"]
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM plan")).scalar_one() == 0
