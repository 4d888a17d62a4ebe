"""``mesh bench venue --account``: orders on a demo account of a configuration, and on nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.ownaccount import CLOSE_TRIES, OwnAccount
from bench.scenario import Options, Silent
from bench.scenarios import venue
from bench.venue_overhead import SIM
from mesh.config import parse
from mesh.io.lock import FileLock
from mesh.messages.base import Msg
from mesh.messages.venue import VenueResult, VenueSend
from nodes.io.worker import lock_path
from tests.smallmesh import small_mesh

HEAD = '[market]\nsymbols = ["EURUSD"]\n[strategy.swing]'
SERVER = "trademesh-Demo"


def text_of(folder: Path, more: str = "", sim: str = SIM) -> str:
    """A mesh whose one account trades on a simulated terminal of its own."""
    path = folder / "sim.toml"
    path.write_text(sim, encoding="utf-8")
    return small_mesh(HEAD, {"demo": f'server = "{SERVER}"\nterminal = "{path}"\n{more}'}, broker=False)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnAccount]:
    """That account, attached."""
    found = OwnAccount(parse(text_of(tmp_path)), "demo", tmp_path / "state")
    yield found
    found.close()


@pytest.mark.slow
def test_each_pair_is_opened_and_closed(tmp_path: Path) -> None:
    """The scenario tells whole, broker and own time of each order, two for each pair."""
    path = tmp_path / "mesh.toml"
    path.write_text(text_of(tmp_path), encoding="utf-8")
    options = Options(rounds=2, account="demo", config=str(path), state=str(tmp_path / "state"))
    (found,) = venue.run(options, Silent())
    assert (found.variant, found.settings) == ("demo", {"orders": 4, "symbol": "EURUSD"})
    assert found.counted.sent == found.counted.received == 4
    assert set(found.stages) == {"whole", "broker", "own"}
    assert found.stages["whole"].ns["p50"] > found.stages["broker"].ns["p50"] > 0


@pytest.mark.parametrize(
    ("account", "more", "why"),
    [
        ("other", "", r"--account other: no account of this configuration; there are demo"),
        ("demo", 'mode = "live"\n', r"mode = 'live'; .*demo accounts alone"),
    ],
)
def test_another_account_is_refused_before_anything_is_started(tmp_path: Path, account: str, more: str, why: str) -> None:
    """A name that is none, and an account that is a real one."""
    with pytest.raises(ValueError, match=why):
        OwnAccount(parse(text_of(tmp_path, more)), account, tmp_path / "state")
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_an_account_whose_local_runs_is_left_alone(tmp_path: Path) -> None:
    """Who holds the account's lock is named; no order is sent."""
    path = lock_path(tmp_path / "state", 5_001, SERVER)
    path.parent.mkdir(parents=True)
    lock = FileLock(path, "account 5001")
    try:
        with pytest.raises(RuntimeError, match=r"account demo: .*5001"):
            OwnAccount(parse(text_of(tmp_path)), "demo", tmp_path / "state")
    finally:
        lock.close()


@pytest.mark.slow
def test_what_the_terminal_says_counts_too(tmp_path: Path) -> None:
    """Demo by the configuration, real by its terminal: no order is sent."""
    real = SIM.replace("[account.bench]", '[account.bench]\ntrade_mode = "real"')
    with pytest.raises(RuntimeError, match="account=real configured=demo"):
        OwnAccount(parse(text_of(tmp_path, sim=real)), "demo", tmp_path / "state")


@pytest.mark.slow
def test_a_symbol_it_does_not_trade(own: OwnAccount) -> None:
    """Refused, with those it trades."""
    with pytest.raises(ValueError, match="--symbol GBPUSD: account demo does not trade it; it trades EURUSD"):
        own.pair_ns("GBPUSD")


@pytest.mark.slow
def test_a_position_that_cannot_be_closed_is_named(own: OwnAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ticket stands in the message after the last try."""
    ask = own._ask
    opened: list[VenueResult] = []
    closes: list[Msg] = []

    def refusing(message: Msg) -> Msg:
        assert isinstance(message, VenueSend)
        if message.action == "OPEN":
            answer = ask(message)
            assert isinstance(answer, VenueResult)
            opened.append(answer)
            return answer
        closes.append(message)
        return replace(opened[0], class_="REFUSED", detail="10018")

    monkeypatch.setattr(own, "_ask", refusing)
    monkeypatch.setattr("bench.ownaccount.CLOSE_WAIT_S", 0.0)
    with pytest.raises(RuntimeError, match=r"may still be open: close it by hand \(REFUSED ") as raised:
        own.pair_ns("EURUSD")
    assert f"position {opened[0].position_ticket} of EURUSD on demo account demo (login 5001 at {SERVER})" in str(raised.value)
    assert len(closes) == CLOSE_TRIES


