"""The master's market link: hello, history, credit, and a clock that moves only when a block's ticks have come."""

from mesh.core import Effect, Envelope, Note, Send
from mesh.counters import Counters
from mesh.links import MARKET
from mesh.messages.market import Block, MarketHello, MarketWelcome, TickCredit
from mesh.units import MINUTE_NS, MS_NS
from nodes.master.marketclock import CREDIT_TICKS, HISTORY_TICKS, MarketClock
from tests.nodes.master.masterrig import NOON_NS, ticks_of


def clock_of() -> MarketClock:
    return MarketClock("master-1", "hash", 1, 250, Counters())


def welcome(released_seq: int = 0, block: int = 0, run: str = "r", symbols: tuple[str, ...] = ("EURUSD",)) -> MarketWelcome:
    return MarketWelcome(run, 1, True, 0, released_seq, block, NOON_NS, list(symbols), 0, ["M5"] * len(symbols))


def block(number: int, through_seq: int, end_ns: int = NOON_NS + MINUTE_NS) -> Envelope:
    return Envelope(MARKET, 0, Block(number, through_seq, end_ns))


def messages(effects: list[Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def test_hello_is_repeated_ever_later() -> None:
    """Each unanswered hello doubles the wait up to eight times the first."""
    clock = clock_of()
    waits_ms = [(clock.hello(0)[1]) // MS_NS for _ in range(6)]
    assert waits_ms == [250, 500, 1_000, 2_000, 2_000, 2_000]
    assert clock.is_waiting()


def test_a_welcome_gives_run_place_and_credit() -> None:
    """The market's answer says which run this is; credit lets the ticks come."""
    clock = clock_of()
    assert messages(clock.on_welcome(welcome())) == [TickCredit(0, CREDIT_TICKS)]
    assert (clock.run, clock.recorded, clock.symbols) == ("r", True, {"EURUSD": "M5"})
    assert not clock.is_waiting()


def test_a_late_master_begins_where_the_last_hour_begins() -> None:
    """Far behind it asks again from a little before the market's place, and gives credit only after that answer."""
    clock = clock_of()
    (hello,) = messages(clock.on_welcome(welcome(released_seq=100_000, block=9)))
    assert isinstance(hello, MarketHello)
    assert hello.next_seq == 100_000 - HISTORY_TICKS
    assert messages(clock.on_welcome(welcome(released_seq=100_000, block=9))) == [TickCredit(80_000, CREDIT_TICKS)]
    assert clock.is_waiting()


def test_the_clock_moves_when_the_ticks_of_a_block_have_come() -> None:
    """A block ahead of its ticks waits; quotes already follow what has come of it."""
    clock = clock_of()
    clock.on_welcome(welcome())
    clock.on_block(block(1, 2))
    clock.on_ticks(ticks_of(0, [("EURUSD", NOON_NS + 1, 10, 12)]))
    assert (clock.block, clock.is_waiting()) == (0, True)
    assert clock.quotes.quote("EURUSD") is not None
    clock.on_ticks(ticks_of(1, [("EURUSD", NOON_NS + 2, 20, 22)]))
    assert (clock.block, clock.market_ns, clock.is_waiting()) == (1, NOON_NS + MINUTE_NS, False)


def test_ticks_wait_for_their_block() -> None:
    """What no block has released is not the quote yet."""
    clock = clock_of()
    clock.on_welcome(welcome())
    clock.on_ticks(ticks_of(0, [("EURUSD", NOON_NS + 1, 10, 12)]))
    assert clock.quotes.quote("EURUSD") is None
    clock.on_block(block(1, 1))
    assert clock.quotes.quote("EURUSD") is not None


def test_a_repeated_or_older_block_is_nothing_new() -> None:
    """Block numbers only go up, market time too."""
    clock = clock_of()
    clock.on_welcome(welcome())
    clock.on_block(block(5, 0, NOON_NS + 9))
    clock.on_block(block(5, 0, NOON_NS + 1))
    clock.on_block(block(3, 0, NOON_NS + 1))
    assert (clock.block, clock.market_ns) == (5, NOON_NS + 9)


def test_missing_ticks_are_asked_for() -> None:
    """A hole is noted and a hello names the first tick that lacks."""
    clock = clock_of()
    clock.on_welcome(welcome())
    effects = clock.on_ticks(ticks_of(7, [("EURUSD", NOON_NS, 10, 12)]))
    assert [effect.name for effect in effects if isinstance(effect, Note)] == ["ticks_missing"]
    (hello,) = messages(effects)
    assert isinstance(hello, MarketHello)
    assert hello.next_seq == 0


def test_credit_is_given_in_good_portions() -> None:
    """New credit is a message for a quarter of it, not for every tick."""
    clock = clock_of()
    clock.on_welcome(welcome())
    rows = [("EURUSD", NOON_NS + n, 10, 12) for n in range(2_000)]
    for part in range(3):
        clock.on_ticks(ticks_of(2_000 * part, rows))
    assert messages(clock.on_block(block(1, 2_000))) == []
    (credit,) = messages(clock.on_block(block(2, 6_000)))
    assert credit == TickCredit(6_000, CREDIT_TICKS)


def test_another_run_begins_anew() -> None:
    """A market that plays another feed: quotes and numbers of the old one are gone, and it is noted."""
    clock = clock_of()
    clock.on_welcome(welcome())
    clock.on_ticks(ticks_of(0, [("EURUSD", NOON_NS, 10, 12)]))
    clock.on_block(block(8, 1))
    effects = clock.on_welcome(welcome(run="other"))
    assert [effect.name for effect in effects if isinstance(effect, Note)] == ["market_run_changed"]
    assert (clock.block, clock.quotes.quote("EURUSD"), clock.quotes.next_seq) == (0, None, 0)


def test_a_name_of_the_same_contract_finds_the_markets_symbol() -> None:
    """A decorated feed symbol is found by its plain name, where it is the only one of that contract."""
    clock = clock_of()
    clock.on_welcome(welcome(symbols=("EURUSDm", "GBPUSD")))
    assert clock.symbol_of("EURUSDm") == "EURUSDm"
    assert clock.symbol_of("EURUSD") == "EURUSDm"
    assert clock.symbol_of("USDJPY") == ""
    assert clock.symbol_of("nonsense") == ""
    clock.on_welcome(welcome(symbols=("EURUSDm", "EURUSD.x")))
    assert clock.symbol_of("EURUSD") == ""
