"""The generator: deterministic, marked, and of the offered pairs alone."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from guiyi.kit.text import Text
from guiyi.see.traffic.api import EventSource, LogFormat, Scope, SynthChannel, SynthSpec, read_traffic, synthesise
from guiyi.see.traffic.errors import NothingOfferedError
from guiyi.see.traffic.synth import Bank

CHANNELS = (
    SynthChannel(channel_id="app", kind="app", own=True),
    SynthChannel(channel_id="oa", kind="service_account", own=False),
    SynthChannel(channel_id="firm", kind="service_account", own=False),
    SynthChannel(channel_id="idle", kind="website", own=True),
)
OFFERINGS = (
    *(("app", f"payments.f{number}") for number in range(6)),
    *(("oa", f"payments.f{number}") for number in range(3, 8)),
    ("app", "accounts.balance"),
    ("oa", "service.notices"),
    ("firm", "corporate.payroll"),
    ("firm", "corporate.financing"),
    ("gone", "payments.f1"),
)
SPEC = SynthSpec(channels=CHANNELS, offerings=OFFERINGS, events=30_000, customers=3_000, months=14, seed=7)
FUNCTIONS = tuple(sorted({function for _, function in OFFERINGS}))


def rows_of(files: Path, what: str = "parquet") -> "list[tuple[object, ...]]":
    with duckdb.connect() as connection:
        return connection.execute(f"select * from read_{what}('{files}') order by all").fetchall()  # noqa: S608 - ours


def test_log_is_what_a_bank_would_have_when_read_back(tmp_path: Path) -> None:
    told: list[int] = []

    def hear(step: Text, done: int, total: int | None = None) -> None:
        assert (step.en, total) == ("Making traffic up", SPEC.events)
        told.append(done)

    files = synthesise(SPEC, tmp_path, hear)
    assert (files.event_rows, told[0], told[-1]) == (30_000, 0, 30_000)
    scope = Scope(("app", "oa", "firm", "idle"), FUNCTIONS, "Asia/Shanghai")
    with read_traffic(EventSource(files.events, files.identities), scope, temp_folder=tmp_path) as traffic:
        report = traffic.report()
        assert (report.rows_in_file, report.refused, report.synthetic) == (30_000, {}, True)
        assert len(report.months) == 14
        assert set(traffic.usage_by_offering()) <= set(OFFERINGS)
        assert 0 < report.unlinked < report.customers <= 3_000 * 1.1
        assert traffic.conflict_count > 0
        assert all(count for count in report.segments.values())
        assert report.overlap
        # Growth flattens on the platforms of others, not on the bank's own.
        mau = {one.channel_id: list(one.mau.values()) for one in report.channels}
        assert sum(mau["app"][-3:]) / sum(mau["app"][:3]) > sum(mau["oa"][-3:]) / sum(mau["oa"][:3])
        assert report.channels[3].reach == 0


def test_rows_are_the_same_when_the_seed_is_and_others_when_not(tmp_path: Path) -> None:
    small = replace(SPEC, events=2_000, customers=200)
    first, again, other = (
        synthesise(replace(small, seed=seed), tmp_path / name) for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert rows_of(first.events / "*.parquet") == rows_of(again.events / "*.parquet")
    assert rows_of(first.identities) == rows_of(again.identities)
    assert rows_of(first.events / "*.parquet") != rows_of(other.events / "*.parquet")


def test_csv_holds_the_same_rows_when_asked_for(tmp_path: Path) -> None:
    small = replace(SPEC, events=2_000, customers=200)
    parquet, text = (synthesise(replace(small, format=kind), tmp_path / kind) for kind in LogFormat)
    assert (text.event_rows, text.identity_rows) == (parquet.event_rows, parquet.identity_rows)
    scope = Scope(("app", "oa", "firm", "idle"), FUNCTIONS, "Asia/Shanghai")
    reports = []
    for files in (parquet, text):
        with read_traffic(EventSource(files.events, files.identities), scope, temp_folder=tmp_path) as traffic:
            reports.append(traffic.report())
    assert reports[0] == reports[1]
    assert reports[1].synthetic


def test_files_of_an_earlier_run_are_replaced_when_written_again(tmp_path: Path) -> None:
    synthesise(replace(SPEC, events=2_000, customers=200, format=LogFormat.CSV), tmp_path)
    files = synthesise(replace(SPEC, events=500, customers=200, months=2), tmp_path)
    assert {path.suffix for path in files.events.iterdir()} == {".parquet"}
    assert len(rows_of(files.events / "*.parquet")) == 500
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["identities.parquet"]


def test_times_ascend_over_the_whole_window_when_batches_follow() -> None:
    batches = list(Bank(SPEC).event_batches())
    times = np.concatenate([batch.time_us for batch in batches])
    assert len(times) == 30_000
    assert (np.diff(times) >= 0).all()
    assert len({int(key) for batch in batches for key in batch.key}) > 1_000


def test_bank_without_companies_is_made_when_no_function_is_corporate(tmp_path: Path) -> None:
    offerings = tuple(pair for pair in OFFERINGS if not pair[1].startswith("corporate."))
    files = synthesise(replace(SPEC, offerings=offerings, events=1_000, customers=100), tmp_path)
    assert files.event_rows == 1_000


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"offerings": ()}, "no offering"),
        ({"offerings": (("gone", "x.y"),)}, "no offering"),
        ({"events": 0}, "events = 0"),
        ({"customers": 10**9}, "customers"),
        ({"months": 61}, "months"),
    ],
)
def test_nothing_is_made_when_the_specification_cannot_be(tmp_path: Path, change: dict[str, object], word: str) -> None:
    with pytest.raises(NothingOfferedError, match=word) as caught:
        synthesise(replace(SPEC, **change), tmp_path)
    assert isinstance(caught.value.message, Text)
    assert not list(tmp_path.iterdir())
