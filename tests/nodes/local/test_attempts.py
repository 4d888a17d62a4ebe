"""The life of an order is the literal table, and nothing else can happen to it."""

from itertools import product

import pytest

from nodes.local import attempts
from nodes.local.attempts import CALLED, ENDED, EVENT_OF_CLASS, INTENT, QUEUED, TRANSITIONS, UNKNOWN, OrderRecord
from nodes.local.finishing import order_put
from nodes.local.retcodes import BACKOFF, CHANGED, CLASS_OF, ERROR_CLASS_OF, RETRY, UNSENT

STATES = (QUEUED, INTENT, CALLED, UNKNOWN, ENDED)
EVENTS = sorted({event for _, event in TRANSITIONS})


def record(state: str = QUEUED, action: str = "OPEN") -> OrderRecord:
    """An order in a state."""
    return OrderRecord(
        b"o" * 16, "ORDER", 1, 1, 1, "sid", "swing", "open", "open", action, "EURUSD", 1, 10, state=state, goal_e8=10
    )


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_every_cell_of_the_table_holds(state: str, event: str) -> None:
    """A listed event leads where the table says; any other is our own mistake and crashes."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        with pytest.raises(AssertionError, match="cannot happen"):
            attempts.moved(record(state), event)
    else:
        assert attempts.moved(record(state), event).state == following


def test_an_end_is_final() -> None:
    """Nothing leads out of ENDED but an open that turns up after all, and that is only looked for."""
    assert {key: to for key, to in TRANSITIONS.items() if key[0] == ENDED} == {(ENDED, "turn_up"): UNKNOWN}


def test_only_an_intent_that_was_called_can_be_lost_and_nothing_lost_is_called_again() -> None:
    """UNKNOWN comes from a call or a restart, or from a close or open that may have been done, and never leads to a call."""
    assert {key for key, following in TRANSITIONS.items() if following == UNKNOWN} == {
        (CALLED, "lose"), (INTENT, "restart"), (UNKNOWN, "restart"), (QUEUED, "search"), (CALLED, "search"), (ENDED, "turn_up"),
    }  # fmt: skip
    assert {following for (state, _), following in TRANSITIONS.items() if state == UNKNOWN} == {ENDED, QUEUED, UNKNOWN}


def test_classes_that_may_be_tried_again_prove_that_nothing_happened() -> None:
    """Of the classes that lead to another attempt only CHANGED is no proof, and that reads the venue first."""
    again = {class_ for class_, event in EVENT_OF_CLASS.items() if event == "again"}
    assert again == {RETRY, BACKOFF, UNSENT, CHANGED}
    assert {class_ for class_, event in EVENT_OF_CLASS.items() if event == "lose"} == {"UNKNOWN"}
    assert {*CLASS_OF.values(), *ERROR_CLASS_OF.values(), "UNSENT"} == set(EVENT_OF_CLASS)


def test_each_attempt_has_its_own_magic_and_comment() -> None:
    """Number, magic and comment of two attempts of one order differ; the magic fits MetaTrader's signed 64 bits."""
    first = attempts.intended(record(), 10, 0, 5)
    second = attempts.intended(attempts.moved(attempts.moved(first, "call"), "again"), 10, 0, 5)
    assert (first.attempt, second.attempt) == (1, 2)
    magics = [attempts.magic(item, "one") for item in (first, second)]
    assert magics[0] != magics[1] != attempts.magic(second, "two")
    assert all(0 < magic < 2**63 for magic in magics)
    assert attempts.comment(first) != attempts.comment(second)
    assert len(attempts.comment(second)) <= 26


def test_called_is_never_on_disk() -> None:
    """What the store holds of a call that was made is the INTENT: how far it got is not known there."""
    called = attempts.moved(attempts.intended(record(), 10, 0, 5), "call")
    assert called.state == CALLED
    assert attempts.decoded(order_put(called).record or b"").state == INTENT


def test_fills_add_up() -> None:
    """Lots and profits are summed, the price is their average by lots."""
    filled = attempts.filled(attempts.filled(record(action="CLOSE"), 6, 100, 5), 4, 200, -1)
    assert (filled.done_e8, filled.price_e8, filled.profit_e8, attempts.rest_e8(filled)) == (10, 140, 4, 0)
    assert attempts.filled(record(), 0, 100, 5) == record()
