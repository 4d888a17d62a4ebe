"""The verbs of ``mesh account``, as they stand in the command."""

import typer

from nodes.io.cli.app import whole


def test_an_account_is_added_armed_and_disabled_under_one_word() -> None:
    """Arming is the same verb as ``mesh arm``, under both words."""
    commands = typer.main.get_command(whole()).commands  # type: ignore[attr-defined]
    assert list(commands["account"].commands) == ["list", "add", "disable", "arm"]
    assert commands["account"].commands["arm"].help == commands["arm"].help
