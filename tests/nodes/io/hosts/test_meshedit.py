"""Text goes into a mesh.toml and nothing else in it changes: comments, order, spelling, line ends."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import BadUsage
from nodes.io.hosts.meshedit import with_mode, with_tables
from tests.nodes.io.hosts.fleetfile import FLEET

ACCOUNT: dict[str, Any] = {"login": 5004, "server": 'a "b" \\ ü', "terminal": "C:\\MT5\\terminal64.exe"}
NODE = {"role": "local", "host": "127.0.0.5", "account": "demo-4"}
ADDED = {("account", "demo-4"): ACCOUNT, ("node", "local-4"): NODE}
TEXTS = {
    "as it is": FLEET,
    "no last line end": FLEET.rstrip(),
    "other line ends": FLEET.replace("\n", "\r\n"),
    "with tables below": FLEET.replace("login = 5003\n", "login = 5003\n[account.demo-3.rails]\nrisk_percent = 1\n\n# a remark\n"),
    "no account yet": "[mesh]\nid = 'x'\n[node.a]\nrole = 'master'\n",
    "empty": "",
    "a header in the last text": FLEET + '[node.odd]\nrole = """\n[node.x]\nlast"""\n',
    "dotted": "account.a.login = 1\nmesh.id = 'x'\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_was_there_stays_line_by_line(text: str) -> None:
    """Take the new lines away, and the text is the old one."""
    after = with_tables(text, ADDED)
    plain, before = tomllib.loads(after), tomllib.loads(text)
    assert (plain["account"]["demo-4"], plain["node"]["local-4"]) == (ACCOUNT, NODE)
    assert list(plain["account"])[-1] == "demo-4"
    rest = iter(after.splitlines())
    assert all(any(line == other for other in rest) for line in text.splitlines()), "each old line, in the old order"
    del plain["account"]["demo-4"], plain["node"]["local-4"]
    assert {key: value for key, value in plain.items() if value} == {key: value for key, value in before.items() if value}
    assert ("\r\n" in text) == ("\r\n" in after)
    assert after.count("\n") == after.count("\r\n") or "\r\n" not in text


@pytest.mark.parametrize(
    "text",
    [
        FLEET + '[node.odd]\nrole = """\n[account.x]\n"""\n',
        "account = {a = {login = 1}}\n",
        "[account]\n[[account.a]]\nlogin = 1\n[[account]]\n",
    ],
    ids=["a header in a text", "inline", "no TOML"],
)
def test_file_that_cannot_be_added_to_is_left_alone(text: str) -> None:
    """Where more would change, or the result is no TOML, it is said, and nothing is given back that could be written."""
    with pytest.raises(BadUsage, match=r"by hand|not TOML"):
        with_tables(text, ADDED)


def test_name_that_is_taken_is_refused() -> None:
    """Nothing is written over."""
    with pytest.raises(BadUsage, match=r"account\.demo-1 is there already"):
        with_tables(FLEET, {("account", "demo-1"): ACCOUNT})


@given(name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.#-]{0,31}", fullmatch=True), server=st.text(max_size=40), login=st.integers(1, 10**12))
def test_any_name_and_text_comes_back_as_it_was_given(name: str, server: str, login: int) -> None:
    """Dots, signs and quotation marks are quoted as TOML has them, or it is refused."""
    try:
        after = with_tables("", {("account", name): {"login": login, "server": server}})
    except BadUsage:
        assert any(ord(sign) == 0x7F or 0xD800 <= ord(sign) < 0xE000 for sign in server)
        return
    assert tomllib.loads(after) == {"account": {name: {"login": login, "server": server}}}


def test_mode_is_changed_in_its_own_line() -> None:
    """Its comment stays; an account without one gets one under its header; others keep theirs."""
    after = with_mode(FLEET, "demo-2", "observe")
    assert after == FLEET.replace('mode = "demo"  # for now', 'mode = "observe"  # for now')
    after = with_mode(FLEET, "demo-1", "observe")
    assert after == FLEET.replace("[account.demo-1]\n", '[account.demo-1]\nmode = "observe"\n')
    assert with_mode("[account.a]\r\nlogin = 1", "a", "observe") == '[account.a]\r\nmode = "observe"\r\nlogin = 1'


@pytest.mark.parametrize("text", ["account = {a = {login = 1}}", "[mesh]\n", "[account.a]\nx = '''\nmode = 'demo'\n'''\nmode = 'demo'\n"])
def test_mode_that_cannot_be_changed_alone_is_left(text: str) -> None:
    """No section of its own, no such account, or a line that only looks like it."""
    with pytest.raises(BadUsage):
        with_mode(text, "a", "observe")
