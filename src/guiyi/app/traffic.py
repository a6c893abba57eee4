"""What traffic needs to know of a register: the two do not know each other."""

from guiyi.plumbing.config.api import Settings
from guiyi.see.register.api import ChannelStatus, Register
from guiyi.see.traffic.api import LogFormat, Scope, SynthChannel, SynthSpec

OWN_PLATFORM = "own"
"""The platform whose channels the bank runs itself."""


def scope_of(register: Register, settings: Settings) -> Scope:
    """Return what traffic may count: the ids of `register`, months in the bank's time zone."""
    return Scope(
        channel_ids=tuple(channel.channel_id for channel in register.channels),
        function_ids=tuple(function.function_id for function in register.functions),
        timezone=settings.timezone,
    )


def synth_spec_of(
    register: Register,
    settings: Settings,
    *,
    events: int,
    customers: int,
    months: int,
    seed: int,
    log_format: LogFormat,
) -> SynthSpec:
    """Return what to make up for the channels of `register` that run, in the shape of its offerings."""
    running = [
        channel for channel in register.channels if channel.status in {ChannelStatus.OPEN, ChannelStatus.CLOSING}
    ]
    ids = {channel.channel_id for channel in running}
    return SynthSpec(
        channels=tuple(
            SynthChannel(channel_id=one.channel_id, kind=one.kind.value, own=one.platform_id == OWN_PLATFORM)
            for one in running
        ),
        offerings=tuple(
            (offering.channel_id, offering.function_id) for offering in register.offerings if offering.channel_id in ids
        ),
        events=events,
        customers=customers,
        months=months,
        seed=seed,
        timezone=settings.timezone,
        format=log_format,
    )
