"""What a new configuration changes: each key once, with both values, and what it takes for it to hold."""

import pytest

from mesh.config import parse
from mesh.configdiff import ANEW, LEFT_OUT, LIVE, OFF, ONE_BY_ONE, TOGETHER, Change, changes
from tests.smallmesh import small_mesh

HEAD = '[strategy.rev]\nkind = "reversion"\nlevel = 100\n'
TWO = {"a1": "", "a2": ""}


def found(head: str, accounts: dict[str, str] | None = None, before: dict[str, str] | None = None) -> list[Change]:
    """What ``head`` and ``accounts`` change of the mesh that has accounts a1 and a2."""
    old = parse(small_mesh(HEAD, before or TWO))
    return changes(old, parse(small_mesh(head, accounts or TWO)))


def test_nothing_is_changed_by_the_same_file() -> None:
    """Whatever its comments."""
    assert found(f"# said\n{HEAD}") == []


@pytest.mark.parametrize(
    ("head", "key", "before", "after", "how"),
    [
        (f"{HEAD}[rails]\npositions_count = 9", "rails.positions_count", "5", "9", LIVE),
        (f'{HEAD}[rails]\ndrawdown_percent = "off"', "rails.drawdown_percent", "8", OFF, LIVE),
        (HEAD.replace("100", "120"), "strategy.rev.level", "100", "120", ONE_BY_ONE),
        (f'{HEAD}targets = ["a2"]\n', "strategy.rev.targets", "[]", '["a2"]', LIVE),
        (f'{HEAD}[rails]\ndaily_reset = "22:00"', "rails.daily_reset", "00:00", "22:00", ONE_BY_ONE),
        (f"{HEAD}[timers]\nstate_ms = 400", "timers.state_ms", "500", "400", TOGETHER),
        (f"{HEAD}[mesh]\nbase_port = 7500", "mesh.base_port", "7410", "7500", TOGETHER),
        (f'{HEAD}[mesh]\nid = "other"', "mesh.id", "demo", "other", ANEW),
    ],
)
def test_each_change_is_told_with_both_values(head: str, key: str, before: str, after: str, how: str) -> None:
    """And whether nodes may take it one after the other."""
    assert found(head) == [Change(key, before, after, how)]


@pytest.mark.parametrize(
    ("lines", "key", "how"),
    [('mode = "shadow"', "account.a1.mode", ONE_BY_ONE), ('server = "other"', "account.a1.server", ANEW)],
)
def test_account_may_change_its_mode_and_not_what_it_is(lines: str, key: str, how: str) -> None:
    """What its store knows is of the one it was."""
    (change,) = found(HEAD, {"a1": lines, "a2": ""})
    assert (change.key, change.how) == (key, how)


def test_account_that_comes_or_goes_is_a_change_of_the_fleet() -> None:
    """Its keys were left out before, or are now; those of others are not touched."""
    for before, after in ((TWO, {**TWO, "a3": ""}), ({**TWO, "a3": ""}, TWO)):
        changed = found(HEAD, after, before)
        assert {change.key.split(".")[1] for change in changed} == {"a3", "local-3"}
        assert {change.how for change in changed} == {TOGETHER}
        assert all(LEFT_OUT in (change.before, change.after) for change in changed)


def test_own_limits_of_an_account_are_a_change_like_any_other() -> None:
    """A section that was left out becomes one with every default filled in."""
    changed = found(HEAD, {"a1": "rails = {positions_count = 3}", "a2": ""})
    told = {change.key: (change.before, change.after, change.how) for change in changed}
    assert told["account.a1.rails"] == (OFF, LEFT_OUT, ONE_BY_ONE)
    assert told["account.a1.rails.positions_count"] == (LEFT_OUT, "3", LIVE)
    assert told["account.a1.rails.daily_reset"] == (LEFT_OUT, "00:00", ONE_BY_ONE), "marks of days are kept by it"
