"""``mesh hosts``: a folder for each host of a fleet, the bundle each installs, and the start of one."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption

hosts_app = typer.Typer(help="A fleet on several hosts: write a folder for each, make what they install, run one.", no_args_is_help=True)


@hosts_app.command("build")
def build(
    host: Annotated[list[str] | None, typer.Argument(help="Hosts, as the nodes' sections say them. Default: all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the folders go. Default: hosts, beside the configuration.")] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help="A folder for this operator, in which no node runs, in place of the hosts'; repeat.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help=r"Where a host's folder will lie there. Default: /opt/trademesh; on Windows C:\trademesh.")
    ] = None,
    config: ConfigOption = None,
    state: Annotated[Path | None, typer.Option(help="Where the fleet's keys are, as of `mesh keys`. Default: /var/lib/trademesh.")] = None,
) -> None:
    """Write a folder for each host: configuration, its keys, what starts its nodes, and a README with three commands."""
    from nodes.io.cli.hosting import build_hosts

    raise typer.Exit(build_hosts(config, state, host or [], out, operator or [], at))


@hosts_app.command("bundle")
def bundle(
    out: Annotated[Path, typer.Option(help="Where it goes.")] = Path("wheels"),
    platform: Annotated[str, typer.Option(help="linux or windows: of the hosts that install it (x86-64).")] = "linux",
    python: Annotated[str, typer.Option(help="The Python they have.")] = "3.11",
    wheel_only: Annotated[bool, typer.Option("--wheel-only", help="The project's own wheel and no more: needs no network.")] = False,
) -> None:
    """Make what hosts install, for them to need neither a checkout nor the network: the wheel, and all it needs, as locked."""
    from nodes.io.cli.hosting import write_bundle

    raise typer.Exit(write_bundle(out, platform, python, wheel_only))


@hosts_app.command("run")
def run(
    folder: Annotated[Path | None, typer.Argument(help="The host's folder. Default: that of the configuration.")] = None,
) -> None:
    """Run this host's nodes under supervisord, in the foreground: what its systemd unit starts."""
    from nodes.io.cli.hosting import run_here

    raise typer.Exit(run_here(folder))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(hosts_app, name="hosts")
