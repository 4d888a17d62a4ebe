"""Quotes: ticks wait for their block, the newest counts, the usual spread is the median of the hour's minutes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.messages.market import Ticks
from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.quote import Quote
from nodes.quotes import Quotes
from tests.nodes.master.masterrig import NOON_NS, ticks_of


def quotes_of(rows: list[tuple[str, int, int, int]]) -> Quotes:
    quotes = Quotes()
    quotes.take(ticks_of(0, rows))
    quotes.release(len(rows))
    return quotes


def test_ticks_count_from_their_release_on() -> None:
    """A tick that no block has released is not the quote yet."""
    quotes = Quotes()
    quotes.take(ticks_of(0, [("A", 1, 10, 12), ("A", 2, 20, 23)]))
    assert quotes.quote("A") is None
    quotes.release(1)
    assert quotes.quote("A") == Quote(10, 12, 1)
    quotes.release(2)
    assert quotes.quote("A") == Quote(20, 23, 2)
    assert quotes.quote("B") is None


def test_release_beyond_what_came_takes_what_came() -> None:
    """A block longer than the credit moves the quotes as far as its ticks have come."""
    quotes = Quotes()
    quotes.take(ticks_of(0, [("A", 1, 10, 12)]))
    assert quotes.release(5) == 1
    assert (quotes.released_seq, quotes.next_seq) == (1, 1)


def test_ticks_known_already_are_dropped() -> None:
    """The overlap of a repeated chunk is not taken twice, and nothing in it is lost."""
    quotes = Quotes()
    assert quotes.take(ticks_of(0, [("A", 1, 10, 12), ("A", 2, 20, 22)])) == 2
    assert quotes.take(ticks_of(1, [("A", 2, 20, 22), ("A", 3, 30, 32)])) == 1
    assert quotes.release(3) == 3
    assert quotes.quote("A") == Quote(30, 32, 3)


def test_missing_ticks_are_refused() -> None:
    """A hole in the sequence is an error, never a guess."""
    with pytest.raises(ValueError, match="ticks begin at 3, 0 was expected"):
        Quotes().take(ticks_of(3, [("A", 1, 10, 12)]))


def test_columns_that_lie_are_refused() -> None:
    """A message whose columns name no symbol of it, or differ in length, is refused."""
    good = ticks_of(0, [("A", 1, 10, 12)])
    with pytest.raises(ValueError, match="symbol_index 5 of 1 symbols"):
        Quotes().take(Ticks(0, ["A"], (5).to_bytes(2, "little"), good.time_ns, good.bid_e8, good.ask_e8))
    with pytest.raises(ValueError, match="differ in length"):
        Quotes().take(Ticks(0, ["A"], good.symbol_index, b"", good.bid_e8, good.ask_e8))
    with pytest.raises(ValueError, match="differ in length"):
        Quotes().take(Ticks(0, ["A"], good.symbol_index, good.time_ns[:-1], good.bid_e8, good.ask_e8))


@pytest.mark.parametrize("count", [3, 40])
def test_usual_spread_is_the_median_of_last_spreads_of_minutes(count: int) -> None:
    """One number a minute, its last; a burst within a minute weighs as much as one tick. Short and long chunks agree."""
    burst = [("A", NOON_NS + n * SECOND_NS // 10, 100, 200) for n in range(count)]
    rows = [*burst, ("A", NOON_NS + MINUTE_NS, 100, 110), ("A", NOON_NS + 2 * MINUTE_NS, 100, 112)]
    assert quotes_of(rows).median_spread_e8("A", NOON_NS + 2 * MINUTE_NS) == 12


def test_usual_spread_forgets_what_is_older_than_an_hour() -> None:
    """Minutes of more than an hour ago do not count; without any there is no usual spread."""
    rows = [("A", NOON_NS, 100, 200), ("A", NOON_NS + HOUR_NS, 100, 110)]
    quotes = quotes_of(rows)
    assert quotes.median_spread_e8("A", NOON_NS + HOUR_NS) == 10
    assert quotes.median_spread_e8("A", NOON_NS + HOUR_NS - MINUTE_NS) == 55
    assert quotes.median_spread_e8("A", NOON_NS + 3 * HOUR_NS) is None


def test_usual_spread_follows_each_tick() -> None:
    """Asked for again and again it is that of now: another tick of the symbol counts at once, one of another symbol changes nothing."""
    quotes = quotes_of([("A", NOON_NS, 100, 110)])
    assert [quotes.median_spread_e8("A", NOON_NS) for _ in range(2)] == [10, 10]
    quotes.take(ticks_of(1, [("A", NOON_NS + 1, 100, 130), ("B", NOON_NS + 1, 100, 150)]))
    assert quotes.median_spread_e8("A", NOON_NS) == 10
    quotes.release(3)
    assert (quotes.median_spread_e8("A", NOON_NS), quotes.median_spread_e8("B", NOON_NS)) == (30, 50)


def test_the_newest_tick_is_the_quote_though_its_minute_came_before() -> None:
    """A market's time that goes back within a release is the market's fault; the last tick is the newest all the same."""
    rows = [("A", NOON_NS + 2 * MINUTE_NS, 100, 110), ("A", NOON_NS + MINUTE_NS, 200, 230), ("A", NOON_NS + 2 * MINUTE_NS + 1, 300, 350)]
    assert quotes_of(rows).quote("A") == Quote(300, 350, NOON_NS + 2 * MINUTE_NS + 1)


def test_a_crossed_quote_has_no_spread() -> None:
    """Bid above ask gives a spread of 0, not a negative one."""
    assert Quote(120, 100, 1).spread_e8 == 0
    assert (Quote(120, 130, 1).entry_e8(1), Quote(120, 130, 1).entry_e8(-1)) == (130, 120)


def test_another_run_begins_with_nothing() -> None:
    """After a change of run no quote and no number of the old one is left."""
    quotes = quotes_of([("A", NOON_NS, 100, 110)])
    quotes.forget()
    assert quotes.quote("A") is None
    assert (quotes.next_seq, quotes.released_seq) == (0, 0)
    assert quotes.median_spread_e8("A", NOON_NS) is None


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 90), st.integers(0, 99)), max_size=60), st.integers(1, 60))
def test_chunking_makes_no_difference(rows: list[tuple[str, int, int]], step: int) -> None:
    """However the ticks are cut into messages and blocks, quotes and usual spreads are the same."""
    ordered = sorted(rows, key=lambda row: row[1])
    ticks = [(symbol, NOON_NS + minute * MINUTE_NS // 3, 1_000, 1_000 + spread) for symbol, minute, spread in ordered]
    whole = quotes_of(ticks) if ticks else Quotes()
    parts = Quotes()
    for start in range(0, len(ticks), step):
        parts.take(ticks_of(start, ticks[start : start + step]))
        parts.release(start + step)
    for symbol in "AB":
        assert parts.quote(symbol) == whole.quote(symbol)
        assert parts.median_spread_e8(symbol, NOON_NS + HOUR_NS) == whole.median_spread_e8(symbol, NOON_NS + HOUR_NS)
