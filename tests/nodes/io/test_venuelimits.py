"""What a message can carry: texts are cut, foreign magics mapped, and one bad row does not hide an account."""

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.messages.accounts import Position
from mesh.messages.venue import VenueLost, VenueState
from nodes.io import mt5
from nodes.io.venuelimits import TEXT_MAX, cut, readable
from nodes.terminal import names
from tests.nodes.io.venuerig import desk_of


def state_of(*tickets: int, balance_e8: int = 0, remark: str = "") -> VenueState:
    """A state with such positions; no message can hold a ticket below zero."""
    held = [Position(ticket, 1, "EURUSD", 1, 1, 1, 1, 0, 0, 0, 0, 0, False) for ticket in tickets]
    return VenueState(1, 0, 0, 0, balance_e8, 0, 0, 0, 0, True, True, held, [], [], remark=remark)


@pytest.mark.parametrize("magic", [2**63, 2**64 - 1])
def test_position_of_a_stranger_with_a_long_magic_blinds_nobody(magic: int) -> None:
    """An expert's magic has 64 bits, ours 63: it is shown as nobody's."""
    with desk_of() as desk:
        request = {
            "action": names.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.01, "type": names.ORDER_TYPE_BUY, "price": 1.0851,
            "magic": magic, "type_filling": names.ORDER_FILLING_FOK,
        }  # fmt: skip
        assert mt5.order_send(request).retcode == 10009
        state = desk.read()
        assert [position.magic for position in state.positions] == [0]
        assert decode_untrusted(encode(state)) == state


def test_message_that_can_be_read_is_sent_as_it_is() -> None:
    """Nothing is touched."""
    state = state_of(1, 2)
    assert readable(state) is state


def test_row_that_cannot_be_told_is_left_out_and_said() -> None:
    """The others are told; what is not among them is not gone, and nothing is opened beside what is not seen."""
    told = readable(state_of(1, -1, 2, remark="as it was"))
    assert isinstance(told, VenueState)
    assert [position.ticket for position in told.positions] == [1, 2]
    assert (told.is_partial, told.trade_allowed) == (True, False)
    assert told.remark.startswith("1 rows of the terminal are left out, no message can hold them: Position: ")
    assert told.remark.endswith("as it was")
    assert decode_untrusted(encode(told)) == told


def test_message_that_cannot_be_told_at_all_is_lost_with_its_reason() -> None:
    """A number of the account itself is too large: there is no state without it."""
    lost = readable(state_of(1, balance_e8=2**63))
    assert isinstance(lost, VenueLost)
    assert lost.reason.startswith("VenueState cannot be told: ")


def test_long_text_is_cut_to_what_a_message_carries() -> None:
    """And says that it was; a short one is as it was."""
    assert cut("x" * TEXT_MAX) == "x" * TEXT_MAX
    long = VenueLost("y" * (TEXT_MAX + 1))
    with pytest.raises(BadFrame):
        decode_untrusted(encode(long))
    short = VenueLost(cut(long.reason))
    assert decode_untrusted(encode(short)) == short
    assert short.reason.endswith("y…")


def test_longest_remark_fits() -> None:
    """All four switches off, and the clock another."""
    from tests.nodes.io.test_venuereads import Package, states

    package = Package(3)
    package.terminal.trade_allowed, package.terminal.tradeapi_disabled, package.terminal.connected = False, True, False
    info = vars(package.account_info()) | {"trade_allowed": False, "trade_expert": False}
    package.account_info = lambda: type("Info", (), info)  # type: ignore[method-assign]
    state = states(package, 12)[-1]
    assert len(state.remark) == TEXT_MAX
    assert decode_untrusted(encode(state)) == state
