"""Requests that share a magic: each has its own luck, the first one's that of the magic alone, and a restart goes on from there."""

from decimal import Decimal
from typing import Any

from mesh.faults import FaultSection
from nodes.terminal import names
from nodes.terminal.latency import request_key
from nodes.terminal.service import TerminalService
from nodes.terminal.settings import TerminalConfig
from nodes.terminal.slippage import attempt_seed
from nodes.terminal.turns import Turns
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, LOT, SELL, Rig, journal

MAGIC = 234_000
DEAL, PENDING, SLTP = names.TRADE_ACTION_DEAL, names.TRADE_ACTION_PENDING, names.TRADE_ACTION_SLTP


def row(magic: int = MAGIC, side: int = BUY, position: int = 0) -> list[Any]:
    """A deal request as it is sent."""
    return [DEAL, magic, 0, "EURUSD", LOT // 100, 0, 0, 0, 0, 0, side, 0, 0, 0, "x", position, 0]


def sent(service: TerminalService, rig: Rig, **fields: Any) -> Any:
    return service.call(LOGIN, "order_send", row(**fields), rig.now_ns).value


def test_chance_picks_its_share_of_the_orders_of_one_magic() -> None:
    """A thousand orders, half of them requoted: about half, in no run longer than chance makes."""
    rig = Rig()
    service = TerminalService(rig.terminal, (FaultSection(kind="retcode", retcode=10004, chance=Decimal("0.5")),))
    picked = "".join("x" if sent(service, rig)[0] == 10004 else "." for _ in range(1_000))
    assert 440 < picked.count("x") < 560
    assert "x" * 20 not in picked
    assert "." * 20 not in picked


def test_slippage_differs_within_one_magic() -> None:
    """All points up to the most are met, about as often."""
    rig = Rig(config=TerminalConfig(slippage_points_max=3), account={"deposit_e8": 10**9 * LOT})
    service = TerminalService(rig.terminal)
    prices = [sent(service, rig)[4] for _ in range(400)]
    counts = [prices.count(price) for price in sorted(dict.fromkeys(prices))]
    assert len(counts) == 4
    assert min(counts) > 60


def test_a_magic_used_once_draws_as_if_there_were_no_turns() -> None:
    """What an order of the mesh meets hangs on its magic alone: recorded runs stay as they are."""
    assert attempt_seed(MAGIC, 1) == MAGIC
    for comment in ("tm0123456789abcdef.1", "x"):
        known = request_key(LOGIN, MAGIC, DEAL, comment, b"")
        assert known == request_key(LOGIN, MAGIC, DEAL, comment, b"", 1) != request_key(LOGIN, MAGIC, DEAL, comment, b"", 2)


def test_turns_are_counted_by_account_action_and_magic() -> None:
    """Each by itself; what is no request counts somewhere and breaks nothing."""
    turns = Turns(())
    came = ((1, DEAL, 7, 1), (1, DEAL, 7, 2), (2, DEAL, 7, 1), (1, SLTP, 7, 1), (1, DEAL, 8, 1), (1, DEAL, 7, 3))
    for login, action, magic, number in came:
        assert turns.next(login, action, magic) == number
        assert turns.take(login, [action, magic]) == number
    assert [turns.take(1, args) for args in (None, [], ["1"], [1, "x"], {})] == [1, 2, 3, 4, 5]


def test_a_restored_server_knows_the_turns_of_its_orders() -> None:
    """From live and done orders of requests; what the server did by itself is no request."""
    rig = Rig()
    service = TerminalService(rig.terminal)
    for side, position in ((BUY, 0), (SELL, 0)):
        changes = service.call(LOGIN, "order_send", row(side=side, position=position), rig.now_ns).changes
        rig.rows.extend(changes)
    ticket = rig.positions[0].ticket
    rig.send(SLTP, position=ticket, sl="1.09000")
    rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.05000", magic=MAGIC)
    rig.quote("1.08000", "1.08010")
    assert ticket not in rig.account.positions, "the stop closed it, with the magic of its position"
    again = Rig()
    again.terminal.accounts[LOGIN].history_orders.clear()
    again.terminal.restore(journal(rig.rows))
    turns = TerminalService(again.terminal).turns
    assert (turns.next(LOGIN, DEAL, MAGIC), turns.next(LOGIN, PENDING, MAGIC), turns.next(LOGIN, SLTP, MAGIC)) == (3, 2, 1)
