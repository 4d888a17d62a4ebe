"""The verbs of ``mesh`` that stop and resume: kill, freeze, cancel, flatten, resume, arm, entries, and the drill."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.actwords import STOP_SCOPES
from nodes.io.cli.options import ConfigOption

Scope = Annotated[str, typer.Argument(help=f"{STOP_SCOPES}.")]
Key = Annotated[Path | None, typer.Option("--key", help="Private key to sign with. Default: keys/operator.key of the state directory.")]
Wait = Annotated[str, typer.Option("--wait", help="latched, cancelled or flat: how far an account has to be. Default: as far as it goes.")]
Limit = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait. Default: 5 for latched, 30 cancelled, 60 flat.")]
Json = Annotated[bool, typer.Option("--json", help="One document for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be touched, touch nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Reason = Annotated[str, typer.Option(help="Why; kept with it for ever.")]


def kill(
    reason: Reason = "",
    config: ConfigOption = None,
    key: Key = None,
    timeout_s: Limit = 0.0,
    as_json: Json = False,
    drill: Annotated[bool, typer.Option("--drill", help="Do it all but bind nothing: measure how long it takes.")] = False,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Of a drill: how often.")] = 20,
    limit_ms: Annotated[float, typer.Option(min=0, help="Of a drill: exit 1 where p99 takes longer. 0: no limit.")] = 0.0,
) -> None:
    """FREEZE everything at once: no question, no passphrase. Each account is told as it confirms; exit 3 where one does not."""
    from nodes.io.cli.stops import Wish
    from nodes.io.cli.stops import kill as kill_all

    wish = Wish(config, key, "", timeout_s, as_json, yes=True, reason=reason)
    if drill:
        from nodes.io.cli.drills import drill as run_drill

        raise typer.Exit(run_drill(wish, rounds, limit_ms))
    raise typer.Exit(kill_all(wish))


def scope_verb(level: str, does: str) -> Callable[..., None]:
    """The verb that stops a scope at a level; ``does``: its help."""

    def verb(
        scope: Scope, reason: Reason = "", config: ConfigOption = None, key: Key = None, wait: Wait = "", timeout_s: Limit = 0.0,
        as_json: Json = False, dry_run: DryRun = False, yes: Yes = False,
    ) -> None:  # fmt: skip
        from nodes.io.cli.stops import Wish, stop_scope

        raise typer.Exit(stop_scope(level, scope, Wish(config, key, wait, timeout_s, as_json, dry_run, yes, reason)))

    verb.__name__, verb.__doc__ = level.lower(), does
    return verb


freeze = scope_verb("FREEZE", "No opens in a scope from now on; closes and local management go on, pending orders stay.")
cancel = scope_verb("CANCEL", "No opens in a scope, and its pending orders are cancelled; positions stay.")
flatten = scope_verb(
    "FLATTEN",
    "No opens in a scope, its pending orders are cancelled and its positions closed, also those that are not ours (but of a strategy).",
)


def resume(
    what: Annotated[str, typer.Argument(help="The scope of the stop, exactly as it was given, or the beginning of its id (mesh entries).")],
    reason: Annotated[str, typer.Option(help="Why; kept with it for ever.")],
    config: ConfigOption = None, key: Key = None, timeout_s: Limit = 0.0, as_json: Json = False, dry_run: DryRun = False, yes: Yes = False,
) -> None:  # fmt: skip
    """End the stops of exactly this scope, or the one with this id; what still holds it is listed."""
    from nodes.io.cli.stops import Wish
    from nodes.io.cli.stops import resume as resume_stop

    raise typer.Exit(resume_stop(what, Wish(config, key, "", timeout_s, as_json, dry_run, yes, reason)))


def arm(
    account: Annotated[str, typer.Argument(help="Account of the configuration.")],
    reason: Annotated[str, typer.Option(help="Why; kept with it for ever.")],
    config: ConfigOption = None, key: Key = None, timeout_s: Limit = 0.0, as_json: Json = False, dry_run: DryRun = False, yes: Yes = False,
) -> None:  # fmt: skip
    """Let a new account in mode live trade: it begins frozen."""
    from nodes.io.cli.stops import Wish
    from nodes.io.cli.stops import arm as arm_account

    raise typer.Exit(arm_account(account, Wish(config, key, "", timeout_s, as_json, dry_run, yes, reason)))


def entries(
    config: ConfigOption = None,
    with_ended: Annotated[bool, typer.Option("--all", help="Also those that were ended.")] = False,
    as_json: Json = False,
) -> None:
    """Every stop that binds: who set it, when and why, and how far each account is with it."""
    from nodes.io.cli.entries import entries as show_entries

    raise typer.Exit(show_entries(config, with_ended, as_json))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    for verb in (kill, freeze, cancel, flatten, resume, arm, entries):
        app.command()(verb)
