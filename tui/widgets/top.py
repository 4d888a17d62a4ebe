"""The head of every screen: state and chord, what is heard, and what needs a person most."""

from rich.text import Text
from textual.widgets import Static

from mesh.units import MS_NS
from tui.alerts import DECIDE, KNOW, MARKS, WRONG, Alert, alerts
from tui.headline import headline, hearing
from tui.inconsole import InConsole
from tui.state import State
from tui.stopwords import run_words
from tui.tablemodel import plain

JUDGED_NS = 400 * MS_NS
"""With a thousand accounts it takes milliseconds to see what needs a person: twice a second, and when something is stopped."""
COUNTED = {DECIDE: "to decide", WRONG: "wrong", KNOW: "to know"}
ARMED = " Ctrl+X again within a second: FREEZE everything, at once "
ARMED_WATCHING = " this console only watches: a second Ctrl+X freezes nothing "
TOO_SMALL = "this terminal has {width}x{height} characters, the console needs 80x24: make it larger"
STILL_FREEZES = "; Ctrl+X twice still freezes everything"


class Top(InConsole, Static):
    """Three lines: the headline; routers and how many alerts; the worst alert, or what the next key does."""

    DEFAULT_CSS = "Top { dock: top; height: 3; width: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Alert] = []
        self._judged_ns = -JUDGED_NS
        self._ladder = ""

    def show(self, state: State, now_ns: int) -> None:
        """Draw it."""
        width, height = self.main.size
        if self.main.has_class("-too-small"):
            self.update(self._too_small(state, width, height))
            return
        if now_ns - self._judged_ns >= JUDGED_NS or state.ladder() != self._ladder:
            self._found, self._judged_ns, self._ladder = alerts(state, now_ns), now_ns, state.ladder()
        found = self._found
        lines = [headline(state, now_ns, width, self._can_act), self._hearing(state, found, now_ns, width), self._worst(found, width)]
        if self.main.armed_ns:
            lines[2] = self._armed()
        self.update(Text("\n").join(lines), layout=False)

    @property
    def _can_act(self) -> bool:
        return not self.main.hands.why_not

    def _armed(self) -> Text:
        """What a second Ctrl+X would do."""
        return Text(ARMED, "bold reverse red") if self._can_act else Text(ARMED_WATCHING, "bold reverse")

    def _too_small(self, state: State, width: int, height: int) -> Text:
        """All there is room for: that there is none, what the chord does, and how what was sent last took."""
        words = TOO_SMALL.format(width=width, height=height) + (STILL_FREEZES if self._can_act else "; it only watches")
        lines = [self._armed()] if self.main.armed_ns else []
        lines.append(Text(words, "bold reverse"))
        newest = next(reversed(state.runs.values()), None)
        if newest is not None:
            lines.append(Text(plain(run_words(newest, state)[0]), "bold"))
        return Text("\n").join(lines)

    def _hearing(self, state: State, found: list[Alert], now_ns: int, width: int) -> Text:
        told = hearing(state, now_ns)
        counts = {rank: sum(alert.rank == rank for alert in found) for rank in MARKS}
        words = "  ".join(f"{MARKS[rank]} {counts[rank]} {COUNTED[rank]}" for rank in MARKS if counts[rank])
        only = f"  watch only: {self.main.hands.why_not}" if self.main.hands.why_not else ""
        told.append(f"{words}{only}", "bold" if found else "")
        told.truncate(width, overflow="ellipsis")
        return told

    def _worst(self, found: list[Alert], width: int) -> Text:
        """One at a time, each for two seconds: the worst ones alone while there are any."""
        worst = [alert for alert in found if alert.rank != KNOW] or found
        if not worst:
            return Text("nothing needs you", "dim")
        turn = self.main.now_ns() // (2_000 * MS_NS) % len(worst)
        text = Text(f"{MARKS[worst[turn].rank]} {worst[turn].words}", "bold", no_wrap=True)
        text.truncate(width, overflow="ellipsis")
        return text
