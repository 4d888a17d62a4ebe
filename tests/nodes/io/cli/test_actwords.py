"""Scopes, accounts, prices and volumes as they are typed: a wrong one is usage, and says what is allowed."""

from collections.abc import Callable

import pytest

from mesh.config import parse
from mesh.errors import BadUsage
from mesh.units import E8
from nodes.io.cli import acting
from nodes.io.cli.acting import is_confirmed
from nodes.io.cli.actwords import (
    accounts_in,
    amount,
    check_act_scope,
    check_reason,
    check_stop_scope,
    check_ticket,
    expand_accounts,
    lots,
    stop_reason,
)
from nodes.io.locate import demo_text

CONFIG = parse(demo_text() + '\n[group]\nfirst = ["demo-1", "demo-2"]\n')


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda: check_act_scope(CONFIG, "garbage"), "or ACCOUNT:TICKET is allowed; accounts: demo-1"),
        (lambda: check_stop_scope(CONFIG, "garbage"), "strategy:NAME is allowed; accounts: demo-1"),
        (lambda: check_stop_scope(CONFIG, "demo-1:7"), "scope 'demo-1:7': all, account:NAME"),
        (lambda: check_act_scope(CONFIG, "account:nobody"), "there is no account 'nobody'; there are: demo-1"),
        (lambda: check_stop_scope(CONFIG, "strategy:none"), "there is no strategy 'none'; there are: reversion"),
        (lambda: check_ticket(CONFIG, "demo-1:x"), "ACCOUNT:TICKET is expected; accounts: demo-1"),
        (lambda: check_ticket(CONFIG, "nobody:7"), "ACCOUNT:TICKET is expected"),
        (lambda: expand_accounts(CONFIG, "demo-1,nobody"), "--accounts nobody: no such account or group; .*groups: first; or all"),
        (lambda: amount("--sl", "x", -1), "--sl x: 'x' is not a number"),
        (lambda: amount("--sl", "-1", -1), "--sl -1: 0 or more is allowed"),
        (lambda: check_stop_scope(CONFIG, "symbol:EUR\x1b[31m"), r"scope symbol:EUR\\x1b\[31m: character 11 is \\x1b: control"),
        (lambda: check_act_scope(CONFIG, "symbol:caf\udce9"), r"scope symbol:caf\\udce9: character 11 is"),
        (lambda: check_reason("x" * 201), "--reason: it has 201 characters, at most 200 are kept"),
        (lambda: check_reason("a\nb\x1b[31m"), r"--reason a\\nb\\x1b\[31m: character 2 is \\n: control characters and line breaks"),
        (lambda: check_reason("a\u2028b"), r"character 2 is \\u2028: control"),
        (lambda: check_reason("ab\u2029c"), r"character 3 is \\u2029: control"),
        (lambda: check_reason("\x9b2J calm"), r"--reason \\x9b2J calm: character 1 is"),
        (lambda: check_reason("caf\udce9"), r"character 4 is \\udce9: control"),
        (lambda: lots("--volume", "0"), "--volume 0: more than 0 lots is allowed"),
    ],
)
def test_wrong_word_is_usage(check: Callable[[], object], says: str) -> None:
    """Exit 2 with what is allowed."""
    with pytest.raises(BadUsage, match=says) as caught:
        check()
    assert caught.value.exit_code == 2


def test_words_that_are_right() -> None:
    """Each scope reaches the accounts it names; what was not given is as said."""
    assert accounts_in(CONFIG, check_act_scope(CONFIG, "demo-3:17")) == ["demo-3"]
    assert accounts_in(CONFIG, check_stop_scope(CONFIG, "account:demo-3")) == ["demo-3"]
    assert accounts_in(CONFIG, check_stop_scope(CONFIG, "symbol:EURUSD")) == list(CONFIG.account)
    assert expand_accounts(CONFIG, "first, demo-4,demo-1") == ["demo-1", "demo-2", "demo-4"]
    assert expand_accounts(CONFIG, "all") == list(CONFIG.account)
    assert (check_reason(""), check_reason(f" {'x' * 200} ")) == ("", "x" * 200)
    assert (check_reason(" ruhig, 50\u00a0% «größer» 静か\n"), check_reason("\t")) == ("ruhig, 50\u00a0% «größer» 静か", "")
    assert (amount("--sl", None, -1), amount("--sl", "0", -1), lots("--volume", None), lots("--volume", "0.5")) == (-1, 0, 0, E8 // 2)


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--yes is needed there; on one, the end of the input is a no."""
    assert is_confirmed("Close?", yes=True)
    monkeypatch.setattr(acting.sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(BadUsage, match="--yes, or --dry-run"):
        is_confirmed("Close?", yes=False)
    monkeypatch.setattr(acting.sys.stdin, "isatty", lambda: True, raising=False)

    def end_of_input(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", end_of_input)
    assert not is_confirmed("Close?", yes=False)
    assert capsys.readouterr().out == "not done\n"


def test_a_stop_is_never_refused_for_its_words() -> None:
    """Two lines of a log, an escape, far too much: it is shown escaped and cut."""
    assert stop_reason(" feed is dead\nsee \x1b[31m7\udce9\t") == r"feed is dead\nsee \x1b[31m7\udce9"
    assert stop_reason("x" * 1_000) == "x" * 200
