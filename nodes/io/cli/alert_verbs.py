"""``mesh alerts``: try what mesh.toml says of ``[alerts]``, or run what tells of them where no ``mesh up`` does."""

import typer

from nodes.io.cli.options import ConfigOption, StateOption

alerts_app = typer.Typer(help="Who is told of alarms, away from every screen: the section `alerts` of mesh.toml.", no_args_is_help=True)


@alerts_app.command("test")
def trial(config: ConfigOption = None) -> None:
    """Send one that says that nothing is wrong, by every way that is configured; exit 1 where one does not take it."""
    from nodes.io.cli.alerts import send_trial

    raise typer.Exit(send_trial(config))


@alerts_app.command("run")
def watch(config: ConfigOption = None, state: StateOption = None) -> None:
    """Tell of alarms until Ctrl-C; where `mesh up` runs the mesh, it does this itself."""
    from nodes.io.cli.alerts import run_here

    raise typer.Exit(run_here(config, state))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(alerts_app, name="alerts")
