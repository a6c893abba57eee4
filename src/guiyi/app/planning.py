"""From files to a plan: the walk "an event log becomes a plan"."""

from importlib.metadata import version

from guiyi.app.traffic import scope_of
from guiyi.decide.planning.api import DEFAULT_TIME_LIMIT_SECONDS, BankPlan, Policies, plan_bank
from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.plumbing.audit.api import current_actor
from guiyi.plumbing.config.api import Settings
from guiyi.see.register.api import Register, register_digest
from guiyi.see.traffic.api import EventSource, read_traffic


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
