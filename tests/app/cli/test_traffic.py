"""`guiyi traffic …` as people and machines call it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from guiyi.app.cli.main import app
from guiyi.plumbing.config.api import get_settings
from guiyi.see.register.api import example_bank, write_register

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("register") / "bank.xlsx"
    write_register(example_bank(), file)
    return file


@pytest.fixture
def guiyi(monkeypatch: pytest.MonkeyPatch) -> "Cli":
    """Run `guiyi` with the words given; traffic needs no database."""
    monkeypatch.setenv("GUIYI_LANGUAGE", "en")
    get_settings.cache_clear()
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


LOG = """event_time,channel_id,function_id,user_key,customer_id
2026-01-05T08:00:00Z,mobile_bank,accounts.balance,m1,C1
2026-01-31T16:00:00Z,oa_micro_bank,accounts.balance,o1,C1
2026-02-05T08:00:00Z,oa_micro_bank,accounts.balance,o2,
2026-02-05T08:00:00Z,nowhere,accounts.balance,o2,
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.csv"
    file.write_text(LOG, "utf-8")
    return file


def test_json_has_the_promised_keys_when_a_report_is_asked_for(guiyi: Cli, register: Path, log: Path) -> None:
    words = ("traffic", "report", "--register", register, "--events", log, "--max-refused", "0.5", "--json")
    found = json.loads(guiyi(*words).stdout)
    assert list(found)[:4] == ["customers", "channels", "overlap", "refused"]
    assert (found["customers"], found["unlinked"], found["rows_in_file"]) == (2, 1, 4)
    assert found["refused"] == {"unknown_channel": 1}
    assert found["refused_examples"][0]["row"] == 5
    assert found["overlap"] == [{"a": "mobile_bank", "b": "oa_micro_bank", "customers": 1}]
    channels = {one["id"]: one for one in found["channels"]}
    mau = {"2026-01": 0, "2026-02": 2}
    assert channels["oa_micro_bank"] == {"id": "oa_micro_bank", "reach": 2, "exclusive_reach": 1, "mau": mau}
    assert found["synthetic"] is False
    january = json.loads(guiyi(*words, "--month", "2026-01").stdout)
    assert (january["customers"], january["overlap"]) == (1, [])
    february = json.loads(guiyi(*words, "--from", "2026-02", "--to", "2026-02").stdout)
    assert february["refused"] == {"outside_window": 1, "unknown_channel": 1}


def test_reach_lost_is_told_when_channels_would_close(guiyi: Cli, register: Path, log: Path) -> None:
    words = ("--register", register, "--events", log, "--max-refused", "0.5")
    people = guiyi("traffic", "close", "oa_micro_bank", *words)
    assert "loses the reach of 1 of 2 customers (50.00%)" in people.stdout
    machine = json.loads(guiyi("traffic", "close", "oa_micro_bank", "mobile_bank", *words, "--json").stdout)
    assert (machine["reach_lost"], machine["closed"]) == (2, ["oa_micro_bank", "mobile_bank"])
    unknown = guiyi("traffic", "close", "ghost", *words, "--json")
    assert (unknown.exit_code, json.loads(unknown.stdout)["error"]) == (4, "traffic_channel_unknown")


def test_load_stops_with_code_3_when_too_much_is_refused(guiyi: Cli, register: Path, log: Path) -> None:
    people = guiyi("traffic", "report", "--register", register, "--events", log)
    assert people.exit_code == 3
    assert "unknown_channel 1" in people.stderr


@pytest.mark.parametrize(
    "wrong", [("--max-refused", "much"), ("--max-refused", "2"), ("--from", "2026-01"), ("--month", "2031-01")]
)
def test_command_ends_with_a_code_when_an_option_is_wrong(
    guiyi: Cli, register: Path, log: Path, wrong: tuple[str, str]
) -> None:
    words = ("traffic", "report", "--register", register, "--events", log, "--max-refused", "0.5")
    assert guiyi(*words, *wrong).exit_code == (4 if wrong[0] == "--month" else 2)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_made_up_traffic_is_marked_when_it_is_reported(guiyi: Cli, register: Path, tmp_path: Path, kind: str) -> None:
    size = ("--events", 5_000, "--customers", 500, "--format", kind)
    made = json.loads(guiyi("traffic", "synth", "--register", register, "--out", tmp_path, *size, "--json").stdout)
    assert (made["event_rows"], made["synthetic"]) == (5_000, True)
    words = ("--register", register, "--events", made["events"], "--identities", made["identities"])
    people = guiyi("traffic", "report", *words).stdout
    for word in ("Synthetic", "mobile_bank", "Exclusive", "identity conflicts", "Overlap of"):
        assert word in people
    machine = json.loads(guiyi("traffic", "report", *words, "--json").stdout)
    assert (machine["synthetic"], machine["refused"], len(machine["trends"])) == (True, {}, 24)
    assert "Synthetic" in guiyi("traffic", "close", "oa_news", *words).stdout


def test_refused_rows_and_files_are_told_when_people_ask(guiyi: Cli, register: Path, log: Path, tmp_path: Path) -> None:
    identities = tmp_path / "ids.csv"
    identities.write_text("channel_id,user_key,key_type,key_value\nghost,u,unionid,1\nmobile_bank,m1,unionid,1\n")
    words = ("--register", register, "--events", log, "--identities", identities, "--max-refused", "0.5")
    people = guiyi("traffic", "report", *words).stdout
    assert "identities: ids.csv" in people
    assert "nowhere" in people
    made = guiyi("traffic", "synth", "--register", register, "--out", tmp_path / "out", "--events", 100)
    assert "Made up 100 events" in made.stdout
    assert guiyi("traffic", "synth", "--register", register, "--out", tmp_path, "--format", "xml").exit_code == 2


def test_curve_and_retention_are_told_to_machines_and_people(guiyi: Cli, register: Path, log: Path) -> None:
    words = ("--register", register, "--events", log, "--max-refused", "0.5")
    curve = json.loads(guiyi("traffic", "curve", *words, "--json").stdout)
    assert [(point["channels"], point["reach"], point["method"]) for point in curve["curve"]] == [
        (["oa_micro_bank"], 2, "exact"),
        (["mobile_bank", "oa_micro_bank"], 2, "exact"),
    ]
    retention = json.loads(guiyi("traffic", "retention", *words, "--json").stdout)
    assert retention["retention"] == [
        {"month": "2026-01", "customers": 1, "new": 1, "still_active": [1]},
        {"month": "2026-02", "customers": 2, "new": 1, "still_active": []},
    ]
    assert "+oa_micro_bank" in guiyi("traffic", "curve", *words).stdout
    assert "100%" in guiyi("traffic", "retention", *words).stdout
