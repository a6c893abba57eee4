from pathlib import Path

import pytest

from guiyi.decide.planning.api import PoliciesInvalid, read_policies
from guiyi.decide.planning.policies import AtMost, CloseChannel, KeepChannel, OnlyOn, Policy, Sentence, sentence_of
from guiyi.kit.text import Text

HEAD = 'schema: guiyi.policies/1\nhorizon_years: 3\ndiscount_rate: "0.04"\npolicies:\n'
NAMES = {"app": Text("手机银行", "Mobile Bank"), "investments.wealth": Text("理财", "Wealth")}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("policies: [", "YAML"),
        ("- 1\n", "document"),
        (HEAD.replace("/1", "/7"), "schema"),
        (HEAD.replace('"0.04"', "0.04"), "discount_rate"),
        (HEAD.replace("3", "0"), "horizon_years"),
        (HEAD + "  - {id: a, type: keep}\n", "policies.0.keep.channel"),
        (HEAD + "  - {id: a, type: at_most, n: 2, kind: app, platform: own}\n", "policies.0.at_most"),
        (HEAD + "  - {id: a, type: at_most, n: -1, kind: app}\n", "policies.0.at_most.n"),
        (HEAD + "  - {id: a, type: banish, channel: app}\n", "policies.0"),
        (HEAD + "  - {id: a, type: keep, channel: x}\n  - {id: a, type: keep, channel: y}\n", "more than once"),
        (HEAD + "  - {id: a, type: keep, channel: x, note: y}\n", "policies.0.keep.note"),
    ],
)
def test_place_is_named_when_the_policies_are_wrong(tmp_path: Path, content: str, where: str) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text(content)
    with pytest.raises(PoliciesInvalid, match=where):
        read_policies(file)


def test_file_is_named_when_it_is_a_folder_or_missing(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(PoliciesInvalid, match=str(path)):
            read_policies(path)


@pytest.mark.parametrize(
    ("policy", "zh", "en"),
    [
        (KeepChannel(id="p", type="keep", channel="app"), "保留“手机银行”", "Keep Mobile Bank"),
        (CloseChannel(id="p", type="close", channel="oa"), "关闭“oa”", "Close oa"),
        (
            AtMost(id="p", type="at_most", n=2, kind="app"),
            "类型为 app 的渠道最多保留 2 个",
            "At most 2 channels of the kind app stay",
        ),
        (
            AtMost(id="p", type="at_most", n=2, platform="wechat"),
            "平台 wechat 上最多保留 2 个",
            "At most 2 channels on the platform wechat stay",
        ),
        (
            OnlyOn(id="p", type="only_on", function="investments.wealth", channels=("app", "oa")),
            "“理财”只在手机银行、oa提供",
            "Wealth only on Mobile Bank, oa",
        ),
        (
            KeepChannel(id="p", type="keep", channel="app", sentence=Sentence(zh="必须留", en="It stays")),
            "必须留",
            "It stays",
        ),
    ],
)
def test_sentence_says_the_policy_in_both_languages(policy: Policy, zh: str, en: str) -> None:
    assert sentence_of(policy, NAMES) == Text(zh, en)


def test_official_account_stands_for_both_kinds_when_a_policy_counts_it() -> None:
    policy = AtMost(id="p", type="at_most", n=1, kind="official_account")
    counted = {
        kind for kind in ("app", "service_account", "subscription_account") if policy.counts(kind=kind, platform="")
    }
    assert counted == {"service_account", "subscription_account"}
