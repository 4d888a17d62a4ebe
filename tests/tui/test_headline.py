"""The first lines of every screen, without a screen."""

import msgspec
import pytest

from mesh.config import configured
from mesh.messages.base import Msg
from mesh.units import SECOND_NS
from mesh.view import FRESH_NS, LATE_NS
from tests.tui.consolerig import CONFIG, MARKET_NS, NOW_NS, health, quiet, stop
from tests.tui.test_state import tell, told_state
from tui.feed import RouterLink
from tui.headline import CHORD, WATCHES, headline, hearing, ladder_text
from tui.state import State


def line(*items: Msg, width: int = 120, after_ns: int = 0) -> str:
    return headline(told_state(*items), NOW_NS + after_ns, width).plain


def test_it_says_what_this_is() -> None:
    """Which mesh, whether money is real, its state, the market's time, and the chord at the right."""
    assert line(*quiet()) == f"{'trademesh demo  SIMULATED 60x  ACTIVE  market 2026-01-05 00:00:00 UTC':<101}  {CHORD}"


def test_the_chord_stands_only_where_it_works() -> None:
    """A console that only watches says that in its place."""
    text = headline(told_state(*quiet()), NOW_NS, 120, can_act=False).plain
    assert len(text) == 120
    assert text.endswith(f"  {WATCHES}")
    assert "FREEZE" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 119, 200])
def test_the_chord_is_never_cut(width: int) -> None:
    """However long the reason is."""
    text = line(*quiet(), stop(reason="x" * 150), width=width)
    assert len(text) == width
    assert text.endswith(CHORD)


def test_the_markets_time_is_old_when_it_is_silent() -> None:
    """A clock that nobody tells on stands, and says for how long."""
    state = told_state(*quiet())
    assert "UTC  " in headline(state, NOW_NS + FRESH_NS - SECOND_NS, 200).plain
    assert "market 2026-01-05 00:00:00 UTC, 5 s old" in headline(state, NOW_NS + 5 * SECOND_NS, 200).plain
    assert any("dim" in str(span.style) for span in headline(state, NOW_NS + 5 * SECOND_NS, 200).spans)


def test_a_market_that_has_not_begun_is_said() -> None:
    """Or was not seen."""
    assert "market not begun" in line(health("market-1", market_ns=0))
    assert "market not seen" in line()
    assert "market 2026" in line(health("market-1", market_ns=MARKET_NS))


def test_a_real_terminal_is_live() -> None:
    """One real account among simulated ones is enough."""
    accounts = dict(CONFIG.settings.account)
    accounts["demo-2"] = msgspec.structs.replace(accounts["demo-2"], terminal="C:/mt5/terminal64.exe")
    config = configured(msgspec.structs.replace(CONFIG.settings, account=accounts))
    assert " LIVE " in headline(State(config, NOW_NS), NOW_NS, 120).plain


def test_the_highest_stop_over_everything_is_named() -> None:
    """By whom and why; a narrower one only where there is no other."""
    state = told_state(*quiet())
    assert ladder_text(state).plain == "ACTIVE"
    tell(state, stop("FLATTEN", "account:demo-1", reason=""))
    assert ladder_text(state).plain == "ACTIVE+ account:demo-1 by ann@desk"
    tell(state, stop("FREEZE", by=""), stop("CANCEL", nonce=2))
    assert ladder_text(state).plain == "CANCEL+ all by ann@desk: news"
    tell(state, is_seeing=False)
    assert ladder_text(state).plain == "UNKNOWN"


def test_a_stop_of_a_level_nobody_here_knows_is_never_called_active() -> None:
    """It counts for more than all that is known."""
    state = told_state(*quiet(), stop("FLATTEN"), stop("HALF", nonce=2))
    assert ladder_text(state).plain == "LEVEL UNKNOWN all by ann@desk: news (its level HALF is of a newer version)"


def test_each_router_has_a_mark_and_a_word() -> None:
    """One never heard says what it tries, or that it is connected; a silent one since when."""
    state = State(CONFIG, NOW_NS)
    dialling = {"router-1": RouterLink("router-1", "tcp://a", True, NOW_NS), "router-2": RouterLink("router-2", "tcp://b", False, NOW_NS)}
    tell(state, links=dialling)
    text = hearing(state, NOW_NS + SECOND_NS).plain
    assert text == "○ router-1 connected, not heard since 1 s  ○ router-2 tries tcp://b since 1 s  "
    tell(state, *quiet())
    tell(state, *quiet(), router="router-2", now_ns=NOW_NS + FRESH_NS)
    assert hearing(state, NOW_NS + FRESH_NS).plain == "● router-1  ● router-2  "
    assert hearing(state, NOW_NS + FRESH_NS + 1).plain == "◐ router-1 late: silent 1 s  ● router-2  "
    assert hearing(state, NOW_NS + LATE_NS + 1).plain == "○ router-1 dead: silent 3 s  ◐ router-2 late: silent 1 s  "
