"""The lines that stand above every page: what this is, in which state, who did it; what this console hears; what a key would do now."""

from rich.text import Text

from mesh.stopset import rank_of
from mesh.terminalword import REAL, kind_of
from mesh.texts import clock_text, iso_from_ns
from mesh.view import freshness
from tui.amounts import age_text
from tui.state import UNKNOWN, State
from tui.tablemodel import plain

CHORD = "^X ^X: FREEZE all"
WATCHES = "watch only"
"""In its place where nothing can be stopped from here."""
LADDER_STYLE = {"ACTIVE": "bold green", "FREEZE": "bold yellow", "CANCEL": "bold dark_orange", "FLATTEN": "bold red"}


def headline(state: State, now_ns: int, width: int, can_act: bool = True) -> Text:
    """The first line: never left out, cut at the end where it has no room but for the chord, which stands at its right."""
    config = state.config
    market = state.health_of("market")
    is_simulated = all(kind_of(account.terminal) != REAL for account in config.account.values())
    speed = plain(f" {market.facts.get('speed', '')}".rstrip())[:12] if market else ""
    stamp = clock_text(iso_from_ns(market.market_ns)) if market else ""
    text = Text(no_wrap=True)
    text.append(f"trademesh {config.settings.mesh.id} ", "bold")
    text.append(f" {'SIMULATED' if is_simulated else 'LIVE'}{speed} ", "reverse")
    text.append(" ")
    text.append_text(ladder_text(state))
    age_ns = (state.age_ns(market.node, now_ns) or 0) if market else 0
    old = f", {age_text(age_ns)} old" if freshness(age_ns) != "fresh" else ""
    text.append(f"  market {stamp} UTC{old}" if stamp else "  market not begun" if market else "  market not seen", "dim" if old else "")
    last = CHORD if can_act else WATCHES
    text.truncate(max(0, width - len(last) - 2), overflow="ellipsis", pad=True)
    text.append(f"  {last}", "bold")
    return text


def ladder_text(state: State) -> Text:
    """The ladder's word, and whose it is where something is stopped."""
    word = state.ladder()
    level = word.rstrip("+")
    text = Text(word, LADDER_STYLE.get(level, "reverse bold red"))
    live = state.stops
    if word == UNKNOWN or not live:
        return text
    entry = max((entry for _, entry in live), key=lambda entry: (entry.scope == "all", rank_of(entry.level), -entry.issued_ns))
    words = f" {entry.scope} by {entry.by or entry.issuer}" + (f": {entry.reason}" if entry.reason else "")
    text.append(plain(words), "not bold")
    return text


def hearing(state: State, now_ns: int) -> Text:
    """What this console hears: each router with a mark and a word, and since when one is silent."""
    text = Text(no_wrap=True)
    for name, link in state.links.items():
        heard_ns = state.view.routers.get(name)
        word = state.router_state(name, now_ns)
        if heard_ns is None:
            how = "connected, not heard" if link.is_connected else f"tries {link.endpoint}"
            text.append(f"○ {name} {how} since {age_text(now_ns - link.since_ns)}  ", "red")
        elif word == "fresh":
            text.append(f"● {name}  ", "green")
        else:
            mark, style = ("◐", "yellow") if word == "late" else ("○", "red")
            text.append(f"{mark} {name} {word}: silent {age_text(now_ns - heard_ns)}  ", style)
    return text
