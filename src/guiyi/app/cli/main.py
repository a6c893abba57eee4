"""`guiyi`: the command line."""

from typing import Annotated

import typer

from guiyi.app.cli import plan, register, system, traffic

app = typer.Typer(
    name="guiyi",
    help="归一 Guiyi: see, decide, move and run a bank's channels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(register.app, name="register")
app.add_typer(traffic.app, name="traffic")
register.add_examples_to(app)
plan.add_to(app)
system.add_to(app)


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"guiyi {version('guiyi')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version / 版本")
    ] = False,
) -> None:
    """归一 Guiyi: see, decide, move and run a bank's channels."""


def run() -> None:
    """Entry point of the `guiyi` command."""
    app()
