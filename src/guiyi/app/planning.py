"""From files to a plan: the walk "an event log becomes a plan"."""

from importlib.metadata import version

from guiyi.decide.planning.api import DEFAULT_TIME_LIMIT_SECONDS, BankPlan, Policies, plan_bank
from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.plumbing.audit.api import current_actor
from guiyi.plumbing.config.api import Settings
from guiyi.see.register.api import Register, register_digest
from guiyi.see.traffic.api import EventSource, Scope, read_traffic


def scope_of(register: Register, settings: Settings) -> Scope:
    """Return what traffic may count: the ids of `register`, months in the bank's time zone."""
    return Scope(
        channel_ids=tuple(channel.channel_id for channel in register.channels),
        function_ids=tuple(function.function_id for function in register.functions),
        timezone=settings.timezone,
    )


def plan_from_files(
    register: Register,
    source: EventSource,
    policies: Policies,
    *,
    settings: Settings,
    clock: Clock,
    time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS,
    progress: Progress = silent,
) -> BankPlan:
    """Read the traffic, plan, and collect what the report shows."""
    with read_traffic(source, scope_of(register, settings), progress=progress) as traffic:
        return plan_bank(
            register,
            traffic,
            policies,
            clock=clock,
            made_by=current_actor(),
            guiyi_version=version("guiyi"),
            register_sha256=register_digest(register),
            time_limit_seconds=time_limit_seconds,
            progress=progress,
        )
