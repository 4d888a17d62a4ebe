"""The command ``mesh``: starts and stops a mesh, looks at it, acts on it.

Thin by intent: each verb reads its options and calls one module. Heavy imports happen inside the verb that needs them.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mesh.errors import EXIT_CODES, BadConfig, MeshError
from nodes.io.cli.grid import cell
from nodes.io.cli.options import ConfigOption, StateOption
from nodes.io.cli.stop_verbs import DryRun, Json, Key, Reason, Yes

EPILOG = "Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items())
app = typer.Typer(
    name="mesh",
    help="A low-latency ZeroMQ mesh that carries trading decisions to many MetaTrader 5 accounts. Start with: mesh up",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="A configuration: check it, show it, tell what it changes, have the nodes take it.", no_args_is_help=True)
app.add_typer(config_app, name="config")
errors = Console(stderr=True, emoji=False)


@app.command()
def up(
    config: ConfigOption = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            help="FILE[,symbol=,tz=,scale=,ask=FILE]: play this recorded market; repeat for several symbols. Also digits= (round prices), "
            "crossed= (keep, swap or skip bid > ask), timeframe= (of bars), jump= (percent a price may jump, or off). "
            "mt5,terminal=PATH: live ticks of the terminal there (terminal64.exe, or a sim.toml)."
        ),
    ] = None,
    speed: Annotated[str | None, typer.Option(help="Times recorded pace, or max. Default: 1 for files, the file's own else.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="Stop by itself after so long.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Resume the run in this directory. Default: a new run in ./.trademesh (demo) or /var/lib/trademesh."),
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the summary as JSON here (format: mesh/PROTOCOL.md).")] = None,
    events: Annotated[
        Path | None, typer.Option(help="Write every bar, signal, decision, order and outcome as JSON lines here (mesh/PROTOCOL.md).")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row of a feed.")] = False,
    console: Annotated[bool, typer.Option("--console", help="On a terminal, open the console on it; leaving it ends the run.")] = False,
) -> None:
    """Run the mesh under supervisord until Ctrl-C, the end of the feed, or --for. Without options: the demo."""
    from nodes.io.cli.up import run_up
    from nodes.io.cli.wishes import Wishes

    wishes = Wishes(config, tuple(feed or ()), speed, for_s, state, summary, events, strict, console)
    raise typer.Exit(run_up(wishes))


@app.command()
def down(config: ConfigOption = None) -> None:
    """Stop what `mesh up` started: the feed first, then everything else, as Ctrl-C does there."""
    from nodes.io.cli.operate import stop_mesh

    raise typer.Exit(stop_mesh(config))


@app.command()
def restart(node: Annotated[str, typer.Argument(help="Name of the node, as in `mesh status`.")], config: ConfigOption = None) -> None:
    """Stop one node cleanly and start it again; the flow goes on."""
    from nodes.io.cli.operate import restart_node

    raise typer.Exit(restart_node(config, node))


@app.command("wait-ready")
def wait_ready(
    config: ConfigOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")] = 30.0,
) -> None:
    """Wait until every node says READY; exit 3 naming those that do not, 69 where no mesh answers."""
    from nodes.io.cli.operate import wait_until_ready

    raise typer.Exit(wait_until_ready(config, timeout_s))


@app.command()
def reload(
    file: Annotated[Path, typer.Argument(help="The new configuration.")],
    reason: Reason,
    config: ConfigOption = None, key: Key = None,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for each of its two steps. 0: ten.")] = 0.0,
    as_json: Json = False, dry_run: DryRun = False, yes: Yes = False,
) -> None:  # fmt: skip
    """Have the running mesh take new limits, targets and distances, live: all accounts and nodes confirm, or nothing changes (exit 3)."""
    from nodes.io.cli.reload import reload_config
    from nodes.io.cli.stops import Wish

    raise typer.Exit(reload_config(file, Wish(config, key, "", timeout_s, as_json, dry_run, yes, reason)))


@app.command()
def node(
    name: Annotated[str, typer.Argument(help="Name of a node in the configuration.")],
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Run one node in the foreground, as supervisord does for each; its phases are told as they come."""
    from nodes.io.cli.operate import run_one

    raise typer.Exit(run_one(config, name, state))


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="Where to write mesh.toml.")]) -> None:
    """Write a commented configuration to start from."""
    from nodes.io.cli.operate import init_directory

    raise typer.Exit(init_directory(directory))


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Say what is wrong with a configuration, or that it is fine (exit 78 or 0)."""
    from nodes.io.cli.operate import check_config

    raise typer.Exit(check_config(config))


@config_app.command("diff")
def config_diff(
    file: Annotated[Path, typer.Argument(help="The new configuration.")],
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Tell what a file changes of the mesh that runs here, and what it takes for each change to hold."""
    from nodes.io.cli.configapply import diff_config

    raise typer.Exit(diff_config(file, config, as_json))


@config_app.command("apply")
def config_apply(
    file: Annotated[Path, typer.Argument(help="The new configuration.")],
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be changed, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Have the nodes of this host take a new file, one after the other; what ran before is put back where one does not come (exit 3)."""
    from nodes.io.cli.configapply import apply_config

    raise typer.Exit(apply_config(file, config, dry_run, yes))


@config_app.command("show")
def config_show(config: ConfigOption = None) -> None:
    """Print the whole configuration, defaults filled in, as JSON."""
    from nodes.io.cli.operate import show_config

    raise typer.Exit(show_config(config))


def _check_directory() -> None:
    """Where we stand is still there: files are named, and a mesh is looked for, from there."""
    try:
        Path.cwd()
    except OSError:
        raise BadConfig("the current directory was removed; change to another one") from None


@cache
def whole() -> typer.Typer:
    """The command with all its verbs."""
    from nodes.io.cli import (
        account_verbs,
        act_verbs,
        alert_verbs,
        audit_verbs,
        bench_verbs,
        console_verbs,
        doctor_verbs,
        host_verbs,
        key_verbs,
        log_verbs,
        look_verbs,
        lost_verbs,
        metrics_verbs,
        secret_verbs,
        stop_verbs,
    )

    look_verbs.register(app)
    log_verbs.register(app)
    doctor_verbs.register(app)
    console_verbs.register(app)
    act_verbs.register(app)
    stop_verbs.register(app)
    lost_verbs.register(app)
    audit_verbs.register(app)
    key_verbs.register(app)
    secret_verbs.register(app)
    account_verbs.register(app)
    host_verbs.register(app)
    alert_verbs.register(app)
    metrics_verbs.register(app)
    bench_verbs.register(app)
    return app


def main() -> None:
    """Entry of the ``mesh`` command: errors become one line and their exit code."""
    try:
        _check_directory()
        whole()()
    except MeshError as error:
        errors.print(cell(f"mesh: {error}", "bold red" if errors.is_terminal else ""), highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
