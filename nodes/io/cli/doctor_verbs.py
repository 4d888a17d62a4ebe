"""The verb ``mesh doctor``: what is wrong with this host and this mesh, and how to mend it."""

from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption, StateOption


def doctor(
    config: ConfigOption = None,
    state: StateOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at configuration, nodes, disk, machine, clocks, keys, ports and terminals: what each costs, and what mends it.

    Exit 0: nothing to mend; 3: warnings; 1: something is bad. Changes nothing: the disk gets 50 small commits that are gone afterwards,
    a mesh that runs is asked as `mesh status` does.
    """
    from nodes.io.cli.doctoring import run_doctor

    raise typer.Exit(run_doctor(config, state, json))


def register(app: typer.Typer) -> None:
    """Add this verb to the command."""
    app.command()(doctor)
