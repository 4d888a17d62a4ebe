"""Ticks of a terminal by cursors: none twice, none left out, whatever a second holds and whatever a call refuses."""

from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.io import terminalticks
from nodes.io.livespec import LiveSpec
from nodes.io.terminalticks import HISTORY_TRIES, WAIT_NS, TerminalTicks
from nodes.ticks import TickColumns, columns_of
from tests.nodes.io.faketicks import CONFIG, FakeTerminal

MORNING_S = 1_767_780_000
"""2026-01-07 10:00 UTC; the server shows 12:00."""
SERVER_MS = (MORNING_S + 7_200) * 1_000


def config_of(more: str = "") -> Config:
    return parse(CONFIG.replace('symbols = ["EURUSD"]', f'symbols = ["EURUSD", "USDJPY"]\n{more}'))


def asker(module: FakeTerminal, spec: LiveSpec | None = None, now_ns: int = MORNING_S * SECOND_NS) -> TerminalTicks:
    return TerminalTicks(spec or LiveSpec("C:/terminal64.exe"), config_of(), module, lambda: now_ns)


def cursors(*places: tuple[int, int]) -> list[FeedCursor]:
    return [cursor(symbol, *place) for symbol, place in zip(("EURUSD", "USDJPY"), places, strict=True)]


def cursor(symbol: str, server_ms: int, count: int) -> FeedCursor:
    return FeedCursor(symbol, server_ms, count, (server_ms - 7_200_000) * MS_NS if server_ms else 0)


def asked(asker: TerminalTicks, places: list[FeedCursor], bars_count: int = 0) -> tuple[list[tuple[Any, ...]], FeedTold]:
    """(symbol, server ms, bid, ask) of each tick, and the end of the answer."""
    *parts, told = asker.answer(FeedAsk(1, places, bars_count))
    assert isinstance(told, FeedTold), told
    found = []
    for part in parts:
        assert isinstance(part, FeedTicks)
        rows = TickColumns(("EURUSD", "USDJPY"), *columns(part))
        for index in range(len(rows)):
            symbol = rows.symbols[rows.symbol_index[index]]
            server_ms = int(rows.time_ns[index]) // MS_NS + 7_200_000
            found.append((symbol, server_ms, int(rows.bid_e8[index]) / E8, int(rows.ask_e8[index]) / E8))
    return found, told


def columns(part: FeedTicks) -> tuple[Any, ...]:
    from mesh.messages.market import Ticks

    rows = columns_of(Ticks(0, ["EURUSD", "USDJPY"], part.symbol_index, part.time_ns, part.bid_e8, part.ask_e8))
    return rows.symbol_index, rows.time_ns, rows.bid_e8, rows.ask_e8


def rows_of(*offsets_ms: int) -> list[tuple[int, float, float]]:
    return [(SERVER_MS + ms, 1.1 + index / 1_000, 1.2 + index / 1_000) for index, ms in enumerate(offsets_ms)]


def test_known_ticks_of_the_same_second_and_millisecond_are_left_out() -> None:
    """The terminal is asked from the whole second; two of three ticks of one millisecond are known, the third is new."""
    module = FakeTerminal(EURUSD=rows_of(100, 700, 700), USDJPY=[])
    ticks, told = asked(asker(module), cursors((SERVER_MS, 0), (SERVER_MS, 0)))
    assert [tick[1] - SERVER_MS for tick in ticks] == [100, 700, 700]
    assert told.cursors == cursors((SERVER_MS + 700, 2), (SERVER_MS, 0))
    module.ticks["EURUSD"] += [(SERVER_MS + 700, 1.5, 1.6), (SERVER_MS + 701, 1.7, 1.8)]
    asking = asker(module)
    ticks, told = asked(asking, told.cursors)
    assert [(tick[1] - SERVER_MS, tick[2]) for tick in ticks] == [(700, 1.5), (701, 1.7)]
    assert told.cursors[0] == cursor("EURUSD", SERVER_MS + 701, 1)
    assert asked(asking, told.cursors) == ([], FeedTold(1, told.cursors, MORNING_S * SECOND_NS, True, False, ""))


def test_cursor_counts_on_where_a_millisecond_goes_on() -> None:
    """Ticks of one millisecond that come in three answers are three times new."""
    module = FakeTerminal(EURUSD=[], USDJPY=[])
    places, asking = cursors((SERVER_MS, 0), (SERVER_MS, 0)), asker(module)
    for count in range(1, 4):
        module.ticks["EURUSD"].append((SERVER_MS + 5, 1.0 + count, 2.0 + count))
        ticks, told = asked(asking, places)
        assert [tick[2] for tick in ticks] == [1.0 + count]
        places = told.cursors
        assert places[0].count == count


def test_symbols_are_merged_by_time_and_full_pages_cut_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap comes in pages; no symbol runs ahead of the one whose page was full, so all pages together are in order."""
    monkeypatch.setattr(terminalticks, "PAGE_TICKS", 4)
    module = FakeTerminal(EURUSD=rows_of(*range(1_000, 11_000, 1_000)), USDJPY=rows_of(500, 3_500, 9_500, 20_000))
    places, found, asking = cursors((SERVER_MS, 0), (SERVER_MS, 0)), [], asker(module)
    for _ in range(20):
        ticks, told = asked(asking, places)
        found += ticks
        places = told.cursors
        if not told.has_more:
            break
    times_ms = [tick[1] - SERVER_MS for tick in found]
    assert times_ms == sorted([*range(1_000, 11_000, 1_000), 500, 3_500, 9_500, 20_000])
    assert [tick[0] for tick in found][:2] == ["USDJPY", "EURUSD"]


def test_second_with_more_ticks_than_a_page_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten ticks in one second and a page of four: the page grows until it shows something new."""
    monkeypatch.setattr(terminalticks, "PAGE_TICKS", 4)
    module = FakeTerminal(EURUSD=rows_of(*range(10)), USDJPY=[])
    places, found, asking = cursors((SERVER_MS, 0), (SERVER_MS, 0)), [], asker(module)
    for _ in range(10):
        ticks, told = asked(asking, places)
        found += ticks
        places = told.cursors
    assert [tick[1] - SERVER_MS for tick in found] == list(range(10))


def test_ticks_without_both_prices_are_no_quotes() -> None:
    """A tick of the last price alone has no bid: it is passed, and counts for the cursor."""
    module = FakeTerminal(EURUSD=[(SERVER_MS + 1, 0.0, 1.2), (SERVER_MS + 1, 1.1, 0.0), (SERVER_MS + 1, 1.1, 1.2)], USDJPY=[])
    ticks, told = asked(asker(module), cursors((SERVER_MS, 0), (SERVER_MS, 0)))
    assert ticks == [("EURUSD", SERVER_MS + 1, 1.1, 1.2)]
    assert told.cursors[0] == cursor("EURUSD", SERVER_MS + 1, 3)


def bars_until(count: int) -> list[tuple[float, ...]]:
    """Minutes up to the morning, and the open one."""
    first_s = SERVER_MS // 1_000 - 60 * count
    return [(first_s + 60 * index, 1.1, 1.3, 1.0, 1.2, 20) for index in range(count + 1)]


def test_history_is_bars_then_the_ticks_since() -> None:
    """Whole bars as four ticks each, their spread as the ask; then the ticks of the open minute, and a cursor behind them."""
    module = FakeTerminal(EURUSD=rows_of(-5_000, 2_000), USDJPY=rows_of(1_000))
    module.bars = {"EURUSD": bars_until(1_200), "USDJPY": bars_until(1_200)[600:]}
    asking = asker(module)
    for _ in range(HISTORY_TRIES - 1):
        (lost,) = asking.answer(FeedAsk(1, cursors((0, 0), (0, 0)), 1_200))
        assert lost == FeedLost("USDJPY shows 600 M1 bars of 1200 so far: asked again")
    ticks, told = asked(asking, cursors((0, 0), (0, 0)), 1_200)
    assert len(ticks) == 4 * (1_200 + 600) + 2
    assert ticks[:4] == [
        ("EURUSD", SERVER_MS - 1_200 * 60_000 + ms, bid, pytest.approx(bid + 0.0002))
        for ms, bid in ((0, 1.1), (20_000, 1.0), (40_000, 1.3), (59_999, 1.2))
    ]
    assert [(tick[0], tick[1] - SERVER_MS) for tick in ticks[-2:]] == [("USDJPY", 1_000), ("EURUSD", 2_000)]
    assert told.cursors == cursors((SERVER_MS + 2_000, 1), (SERVER_MS + 1_000, 1))
    assert [tick[1] for tick in ticks] == sorted(tick[1] for tick in ticks)


def test_history_is_asked_again_while_the_terminal_loads_it() -> None:
    """Fewer bars than wanted are believed only when the terminal shows no more for a while."""
    module = FakeTerminal(EURUSD=rows_of(1_000), USDJPY=rows_of(1_000))
    module.bars = {"EURUSD": bars_until(1_200), "USDJPY": bars_until(3)}
    asking = asker(module)
    assert isinstance(next(asking.answer(FeedAsk(1, cursors((0, 0), (0, 0)), 1_500))), FeedLost)
    module.bars["USDJPY"] = bars_until(1_200)
    ticks, _ = asked(asking, cursors((0, 0), (0, 0)), 1_500)
    assert len(ticks) == 8 * 1_200 + 2


def test_symbol_without_bars_begins_with_its_newest_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a terminal's years of ticks is fetched for a symbol that has no bars; without a tick it waits for one."""
    monkeypatch.setattr(terminalticks, "HISTORY_TRIES", 1)
    module = FakeTerminal(EURUSD=rows_of(-86_400_000, 3_000), USDJPY=[])
    asking = asker(module)
    ticks, told = asked(asking, cursors((0, 0), (0, 0)), 1_000)
    assert [tick[1] - SERVER_MS for tick in ticks] == [3_000]
    assert told.cursors == cursors((SERVER_MS + 3_000, 1), (0, 0))
    module.ticks["USDJPY"] = rows_of(4_000)
    ticks, told = asked(asking, told.cursors)
    assert [tick[0] for tick in ticks] == ["USDJPY"]


def test_others_wait_for_a_symbol_that_fails_and_nothing_of_it_is_late() -> None:
    """It is named with its error; ticks of others after its cursor come when it can be read again, in order."""
    module = FakeTerminal(EURUSD=rows_of(500, 1_000), USDJPY=rows_of(600, 2_000))
    asking = asker(module)
    module.failing = {"USDJPY": (-4, "Terminal: Not found")}
    ticks, told = asked(asking, cursors((SERVER_MS, 0), (SERVER_MS + 600, 1)))
    assert [(tick[0], tick[1] - SERVER_MS) for tick in ticks] == [("EURUSD", 500)]
    assert (told.why, told.has_more) == ("USDJPY: last_error=(-4, 'Terminal: Not found')", True)
    module.failing = {}
    ticks, told = asked(asking, told.cursors)
    assert [(tick[0], tick[1] - SERVER_MS) for tick in ticks] == [("EURUSD", 1_000), ("USDJPY", 2_000)]
    assert (told.why, told.has_more) == ("", False)


def test_symbol_that_fails_for_long_is_given_up_until_it_can_be_read() -> None:
    """The others go on and it is said; once it was read it is waited for again."""
    module, now_ns = FakeTerminal(EURUSD=rows_of(1_000), USDJPY=rows_of(600, 2_000)), [MORNING_S * SECOND_NS]
    asking = TerminalTicks(LiveSpec("C:/terminal64.exe"), config_of(), module, lambda: now_ns[0])
    module.failing = {"USDJPY": (-4, "Terminal: Not found")}
    places = cursors((SERVER_MS, 0), (SERVER_MS + 600, 1))
    assert asked(asking, places)[1].has_more
    now_ns[0] += WAIT_NS
    ticks, told = asked(asking, places)
    assert [tick[0] for tick in ticks] == ["EURUSD"]
    assert not told.has_more
    assert told.why.endswith("the others go on without it after 5 s, its ticks meanwhile will be missing")
    module.failing = {}
    told = asked(asking, told.cursors)[1]
    module.failing = {"USDJPY": (-4, "Terminal: Not found")}
    assert asked(asking, told.cursors)[1].has_more


def test_symbol_without_a_cursor_is_not_waited_for() -> None:
    """It has shown nothing so far, so nothing of it can be late."""
    module = FakeTerminal(EURUSD=rows_of(1_000), USDJPY=rows_of(2_000))
    module.failing = {"USDJPY": (-4, "Terminal: Not found")}
    ticks, told = asked(asker(module), cursors((SERVER_MS, 0), (0, 0)))
    assert (len(ticks), told.has_more) == (1, False)


def test_broken_link_is_no_answer_and_is_made_anew() -> None:
    """An error of the link is told alone; the next question initialises the terminal again."""
    module = FakeTerminal(EURUSD=rows_of(1_000), USDJPY=rows_of(2_000))
    asking = asker(module)
    module.failing = {"USDJPY": (-10_002, "IPC recv failed")}
    assert list(asking.answer(FeedAsk(1, cursors((SERVER_MS, 0), (SERVER_MS, 0)), 0))) == [FeedLost("(-10002, 'IPC recv failed')")]
    module.failing = {}
    assert len(asked(asking, cursors((SERVER_MS, 0), (SERVER_MS, 0)))[0]) == 2
    assert len(module.opened) == 2
    module.failing = {"terminal_info": (-10_004, "No IPC connection")}
    assert isinstance(next(asking.answer(FeedAsk(1, cursors((SERVER_MS + 1_000, 1), (SERVER_MS + 2_000, 1)), 0))), FeedLost)


def test_quiet_terminal_is_asked_whether_it_has_its_server() -> None:
    """Without a new tick the answer says whether there could have been one."""
    module = FakeTerminal(EURUSD=[], USDJPY=[])
    module.connected = False
    _, told = asked(asker(module), cursors((SERVER_MS, 0), (SERVER_MS, 0)))
    assert not told.is_linked
    module.ticks["EURUSD"] = rows_of(1_000)
    _, told = asked(asker(module), told.cursors)
    assert told.is_linked


def test_terminal_of_another_account_gives_no_ticks() -> None:
    """Where an account is named its login and server must be shown; path, login and server go to initialize."""
    module = FakeTerminal(EURUSD=[], USDJPY=[])
    module.login = 7
    asking = asker(module, LiveSpec("C:/terminal64.exe", "one", 5001, "real"))
    (lost,) = asking.answer(FeedAsk(1, cursors((SERVER_MS, 0), (SERVER_MS, 0)), 0))
    assert lost == FeedLost("account 5001 at real is configured, the terminal shows 7 at real")
    assert module.opened == [(("C:/terminal64.exe",), {"timeout": 10_000, "login": 5001, "server": "real"})]
    module.failing = {"initialize": (-10_003, "")}
    module.error = (-10_003, "IPC initialize failed")
    (lost,) = asking.answer(FeedAsk(1, cursors((SERVER_MS, 0), (SERVER_MS, 0)), 0))
    assert lost == FeedLost("initialize C:/terminal64.exe: (-10003, 'IPC initialize failed')")


def test_account_is_looked_at_in_each_answer() -> None:
    """Another one is logged in at the terminal: its server's ticks are not taken, and the link is made anew."""
    module = FakeTerminal(EURUSD=rows_of(1_000), USDJPY=[])
    asking = asker(module, LiveSpec("C:/terminal64.exe", "one", 5001, "real"))
    _, told = asked(asking, cursors((SERVER_MS, 0), (SERVER_MS, 0)))
    module.login = 9
    module.ticks["EURUSD"] += rows_of(2_000)
    assert list(asking.answer(FeedAsk(2, told.cursors, 0))) == [
        FeedLost("account 5001 at real is configured, the terminal shows 9 at real")
    ]
    module.login = 5001
    assert len(asked(asking, told.cursors)[0]) == 1
    assert len(module.opened) == 2


def test_times_are_by_the_zone_of_the_account() -> None:
    """An account at another server than the fleet's names that server's clock."""
    config = parse(CONFIG.replace('server = "real"', 'server = "real"\nzone = "UTC"'))
    module = FakeTerminal(EURUSD=[(MORNING_S * 1_000 + 5, 1.1, 1.2)])
    asking = TerminalTicks(LiveSpec("C:/terminal64.exe", "one", 5001, "real"), config, module, lambda: MORNING_S * SECOND_NS)
    _part, told = asking.answer(FeedAsk(1, [FeedCursor("EURUSD", MORNING_S * 1_000, 0)], 0))
    assert isinstance(told, FeedTold)
    assert told.cursors == [FeedCursor("EURUSD", MORNING_S * 1_000 + 5, 1, MORNING_S * SECOND_NS + 5 * MS_NS)]


BACK_S = 1_793_512_800
"""2026-11-01 06:00 UTC: New York's clock, and the server's with it, is turned back by an hour."""


@pytest.mark.parametrize("polled_each", [1, 7, 400])
def test_hour_that_the_server_shows_twice_loses_and_doubles_nothing(polled_each: int) -> None:
    """Three hours of ticks around it, asked for often and seldom: each once, at its time, in order."""
    module = FakeTerminal(EURUSD=[], USDJPY=[])
    asking = asker(module)
    begin_s = BACK_S - 5_400
    places = [FeedCursor("EURUSD", (begin_s + 3 * 3_600) * 1_000, 0), FeedCursor("USDJPY", 0, 0)]
    sent, found = [], []
    for number, true_s in enumerate(range(begin_s, begin_s + 3 * 3_600, 20)):
        shown_s = true_s + (3 if true_s < BACK_S else 2) * 3_600
        module.ticks["EURUSD"].append((shown_s * 1_000, 1.0 + number / 1_000, 2.0))
        sent.append((true_s, number))
        if number % polled_each == 0 or true_s == begin_s + 3 * 3_600 - 20:
            *parts, told = asking.answer(FeedAsk(1, places, 0))
            assert isinstance(told, FeedTold)
            places = told.cursors
            for part in parts:
                assert isinstance(part, FeedTicks)
                _, time_ns, bid_e8, _ = columns(part)
                found += zip((time_ns // SECOND_NS).tolist(), ((bid_e8 - E8) // 100_000).tolist(), strict=True)
    assert found == sent
