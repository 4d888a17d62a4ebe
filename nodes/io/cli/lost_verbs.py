"""The verbs of ``mesh`` about what nobody knows: unknown, resolve, reconcile."""

from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def unknown(
    account: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Of this account only; repeat for several.")] = None,
    config: ConfigOption = None,
    json: Json = False,
) -> None:
    """Every order nobody knows the result of: what it blocks, what was tried; exit 3 where an account did not answer."""
    from nodes.io.cli.unknowns import show_unknown

    raise typer.Exit(show_unknown(config, as_json=json, accounts=account or ()))


def resolve(
    order: Annotated[str, typer.Argument(metavar="OID@ACCOUNT", help="As `mesh unknown` shows it.")],
    said: Annotated[str, typer.Argument(metavar="executed|not-executed", help="What became of its attempt.")],
    reason: Annotated[str, typer.Option(help="How you know; kept with the order and in the audit.")],
    ticket: Annotated[str | None, typer.Argument(metavar="[TICKET]", help="Of executed: the position's, order's or deal's.")] = None,
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document; it wants --yes or --dry-run.")] = False,
) -> None:
    """Say what became of an UNKNOWN attempt. A ticket is looked up at the venue; nothing is ever sent there."""
    from nodes.io.cli.resolves import resolve_order

    raise typer.Exit(resolve_order(config, order, said, ticket, reason, dry_run, yes, as_json=json))


def reconcile(
    account: Annotated[str, typer.Argument(help="Account, by our name.")],
    config: ConfigOption = None,
    json: Json = False,
) -> None:
    """Read an account at once, look again for what is lost, hold records against deals; exit 3 where they do not agree."""
    from nodes.io.cli.reconciles import reconcile_account

    raise typer.Exit(reconcile_account(config, account, as_json=json))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    for verb in (unknown, resolve, reconcile):
        app.command()(verb)
