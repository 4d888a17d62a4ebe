"""How an account's terminal is logged in: as it is, or with the stored password; and what is said where it lets nobody in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.messages.venue import VenueAttach, VenueAttached
from nodes.io import mt5
from nodes.io.secret import Secret
from nodes.io.simulation import forget_all
from nodes.io.venue import TRY_PASSWORD_NS, Venue
from tests.smallmesh import small_mesh

WORD = "planted-Pässword-99"
LOCKED = """
[clock]
kind = "step"
[prices]
source = "script"
symbols = ["EURUSD"]
[account.first]
login = 7001
[account.ours]
login = 7002
password = "{word}"
"""


class Login:
    """The account at a terminal that asks for its password; how often, with what, is counted; its clock is moved by the test."""

    def __init__(self, config: Config, password: str | None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.now_ns = 5
        self.venue = Venue("one", config, mt5, lambda: 0, lambda: self.now_ns, Secret(password) if password is not None else None)

    def attach(self) -> VenueAttached:
        """What an attach is answered."""
        answer = self.venue.handle(VenueAttach("one"))
        assert isinstance(answer, VenueAttached)
        return answer


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Config]:
    """A mesh whose account is at such a terminal."""
    path = tmp_path / "locked.toml"
    path.write_text(LOCKED.format(word=WORD), encoding="utf-8")
    yield parse(small_mesh(accounts={"one": f'server = "trademesh-Demo"\nterminal = "{path}"'}, broker=False, first_login=7002))
    mt5.shutdown()
    forget_all()


def watched(login: Login, monkeypatch: pytest.MonkeyPatch) -> Login:
    """With what ``initialize`` is called."""
    initialize = mt5.initialize

    def seen(*path: str, **words: Any) -> bool:
        login.asked.append(words)
        return bool(initialize(*path, **words))

    monkeypatch.setattr(mt5, "initialize", seen)
    return login


def test_stored_password_logs_in(locked: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, login, server and password in one call; what is told of it has no password."""
    login = watched(Login(locked, WORD), monkeypatch)
    answer = login.attach()
    assert (answer.refused, answer.login) == ("", 7002)
    assert login.asked == [{"login": 7002, "server": "trademesh-Demo", "timeout": 10_000, "password": WORD}]
    assert WORD not in f"{answer!r}{login.venue!r}{vars(login.venue)!r}"


def test_wrong_password_is_told_and_not_tried_too_often(locked: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which account and what to do; for half a minute the terminal is not asked again, for servers shut out who is wrong too often."""
    login = watched(Login(locked, "wr0ng-Password-1"), monkeypatch)
    answer = login.attach()
    assert answer.refused == (
        "account one: login 7002 at trademesh-Demo was not let in with the stored password (-6, 'Terminal: Authorization failed'): "
        "`mesh secret set one` and then `mesh restart local-1`"
    )
    login.now_ns += TRY_PASSWORD_NS - 1
    assert login.attach() == answer
    assert len(login.asked) == 1
    login.now_ns += 1
    assert login.attach() == answer
    assert len(login.asked) == 2


def test_missing_password_is_told(locked: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored, and the terminal has not kept it: what a person can do; a log-in by hand is seen at the next look."""
    login = watched(Login(locked, None), monkeypatch)
    assert login.attach().refused == (
        "account one: login 7002 at trademesh-Demo was not let in, and no password is stored (-6, 'Terminal: Authorization failed'): "
        "log the terminal in by hand, or `mesh secret set one` and then `mesh restart local-1`"
    )
    assert mt5.initialize(path=locked.account["one"].terminal, login=7002, password=WORD), "by hand"
    assert login.attach().refused == ""
    assert [words.get("password", "none") for words in login.asked] == ["none", WORD, "none"]
