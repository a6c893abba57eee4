import zipfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from guiyi.see.register.api import ChannelKind, Register, example_bank, large_bank, read_register, write_examples

CHECKED_IN = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder)
    return folder


def _parts(path: Path) -> list[tuple[str, bytes]]:
    # Compressed bytes differ between zlib and its successors; what they unfold to does not.
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.mark.parametrize("name", ["example-bank.xlsx", "large-bank.xlsx"])
def test_workbooks_are_those_checked_in_when_written_anew(written: Path, name: str) -> None:
    assert _parts(written / name) == _parts(CHECKED_IN / name)


def test_policies_are_those_checked_in_when_written_anew(written: Path) -> None:
    assert (written / "policies.yaml").read_bytes() == (CHECKED_IN / "policies.yaml").read_bytes()


@pytest.mark.parametrize(
    ("name", "register"), [("example-bank.xlsx", example_bank()), ("large-bank.xlsx", large_bank())]
)
def test_register_is_read_and_marked_as_example_when_written(written: Path, name: str, register: Register) -> None:
    assert read_register(written / name) == register
    assert register.example
    assert (written / name).stat().st_size < 300_000


def test_sizes_are_as_promised_when_counted() -> None:
    assert (len(example_bank().channels), len(example_bank().functions)) == (24, 60)
    assert (len(large_bank().channels), len(large_bank().functions)) == (60, 120)


@pytest.mark.parametrize("register", [example_bank(), large_bank()], ids=["example", "large"])
def test_every_move_has_a_rule_when_kinds_are_paired(register: Register) -> None:
    rules = {(row.kind_from, row.kind_host, row.active) for row in register.attrition if row.segment == "*"}
    assert rules == {(a, b, active) for a in ChannelKind for b in ChannelKind for active in (True, False)}


def test_corporate_functions_can_go_to_both_hosts_when_the_account_closes() -> None:
    bank = example_bank()
    offered = {row.function_id for row in bank.offerings if row.channel_id == "oa_corporate_finance"}
    places = Counter(
        (row.channel_id, row.function_id)
        for row in (*bank.offerings, *bank.hosting)
        if row.function_id in offered and row.function_id.startswith("corporate.")
    )
    for host in ("oa_micro_bank", "corporate_mobile_bank"):
        assert {f for channel, f in places if channel == host} == {f for f in offered if f.startswith("corporate.")}


def test_every_function_has_the_app_or_its_corporate_app_as_host_when_all_else_closes() -> None:
    bank = example_bank()
    hosts = {(row.channel_id, row.function_id) for row in (*bank.offerings, *bank.hosting)}
    for function in bank.functions:
        app = "corporate_mobile_bank" if function.domain == "corporate" else "mobile_bank"
        assert (app, function.function_id) in hosts


def test_policies_name_what_the_bank_has_when_read() -> None:
    bank = example_bank()
    document = yaml.safe_load((CHECKED_IN / "policies.yaml").read_text(encoding="utf-8"))
    assert document["schema"] == "guiyi.policies/1"
    channels = {channel.channel_id for channel in bank.channels}
    for policy in document["policies"]:
        assert {policy["channel"]} <= channels if "channel" in policy else True
        assert set(policy.get("channels", ())) <= channels
        assert set(policy["sentence"]) == {"zh", "en"}


def test_other_bank_is_drawn_when_seed_is_another() -> None:
    assert large_bank(1) != large_bank(2)
    assert large_bank(1) == large_bank(1)
