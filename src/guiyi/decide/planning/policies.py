"""Policies as data: what the bank demands of every plan, each with its sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, assert_never

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from guiyi.decide.planning.documents import MAX_DOCUMENT_BYTES, DecimalString, Id, listed, read_bytes
from guiyi.decide.planning.errors import PoliciesInvalid
from guiyi.kit.text import Text

OFFICIAL_ACCOUNT = "official_account"
OFFICIAL_ACCOUNT_KINDS = frozenset({"service_account", "subscription_account"})
"""`official_account` in a policy stands for both kinds of account."""


class Sentence(BaseModel):
    """A policy in plain words, in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    sentence: Sentence | None = None


class KeepChannel(_Policy):
    """The channel stays."""

    type: Literal["keep"]
    channel: Id


class CloseChannel(_Policy):
    """The channel closes."""

    type: Literal["close"]
    channel: Id


class AtMost(_Policy):
    """At most `n` channels of a kind, or on a platform, stay."""

    type: Literal["at_most"]
    n: Annotated[int, Field(ge=0, le=100_000)]
    kind: Id | None = None
    platform: Id | None = None

    @model_validator(mode="after")
    def _one_of_kind_and_platform(self) -> "AtMost":
        if (self.kind is None) == (self.platform is None):
            msg = "give exactly one of kind and platform"
            raise ValueError(msg)
        return self

    def counts(self, *, kind: str, platform: str) -> bool:
        """Whether a channel of `kind` on `platform` counts towards `n`."""
        if self.platform is not None:
            return platform == self.platform
        return kind == self.kind or (self.kind == OFFICIAL_ACCOUNT and kind in OFFICIAL_ACCOUNT_KINDS)


class OnlyOn(_Policy):
    """The function is hosted on the given channels and nowhere else."""

    type: Literal["only_on"]
    function: Id
    channels: tuple[Id, ...]


Policy = Annotated[KeepChannel | CloseChannel | AtMost | OnlyOn, Field(discriminator="type")]


class Policies(BaseModel):
    """The document `policies.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Annotated[Literal["guiyi.policies/1"], Field(alias="schema")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    horizon_years: Annotated[int, Field(ge=1, le=50)] = 3
    discount_rate: DecimalString
    policies: tuple[Policy, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Policies":
        ids = [policy.id for policy in self.policies]
        for policy_id in ids:
            if ids.count(policy_id) > 1:
                msg = f"the policy id {policy_id!r} stands more than once"
                raise ValueError(msg)
        return self


def read_policies(path: Path) -> Policies:
    """Read `policies.yaml`.

    Raises:
        PoliciesInvalid: The file is missing, larger than `MAX_DOCUMENT_BYTES`, not YAML, or does not follow the schema.
    """
    raw = read_bytes(path, error=PoliciesInvalid, limit=MAX_DOCUMENT_BYTES)
    try:
        return Policies.model_validate(yaml.safe_load(raw))
    except yaml.YAMLError as error:
        reason = str(error)
        raise PoliciesInvalid(
            Text(zh=f"{path} 不是有效的 YAML:{reason}", en=f"{path} is not valid YAML: {reason}"), path=str(path)
        ) from error
    except ValidationError as error:
        raise listed(error, place=str(path), error_class=PoliciesInvalid) from error


def sentence_of(policy: Policy, names: Mapping[str, Text]) -> Text:
    """Return the policy's own sentence, or one made from its data; `names` maps ids of channels and functions."""
    if policy.sentence is not None:
        return Text(zh=policy.sentence.zh, en=policy.sentence.en)

    def name(some_id: str) -> Text:
        return names.get(some_id, Text(zh=some_id, en=some_id))

    match policy:
        case KeepChannel():
            channel = name(policy.channel)
            return Text(zh=f"保留“{channel.zh}”", en=f"Keep {channel.en}")
        case CloseChannel():
            channel = name(policy.channel)
            return Text(zh=f"关闭“{channel.zh}”", en=f"Close {channel.en}")
        case AtMost():
            what = policy.platform or policy.kind or ""
            zh = f"平台 {what} 上" if policy.platform else f"类型为 {what} 的渠道"
            en = f"on the platform {what}" if policy.platform else f"of the kind {what}"
            return Text(zh=f"{zh}最多保留 {policy.n} 个", en=f"At most {policy.n} channels {en} stay")
        case OnlyOn():
            function = name(policy.function)
            hosts = [name(channel) for channel in policy.channels]
            return Text(
                zh=f"“{function.zh}”只在{'、'.join(host.zh for host in hosts)}提供",
                en=f"{function.en} only on {', '.join(host.en for host in hosts)}",
            )
        case _:
            assert_never(policy)
