"""Commands of the plan."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`."""
