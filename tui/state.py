"""All that the console knows: a pure reducer from batches of the feed, and from what was done here, to what the pages show.

Pages read it and keep nothing of their own but where the cursor is. Nothing here asks a clock: every question takes the time.
"""

import msgspec

from mesh.alarms import is_blind
from mesh.bounded import keep
from mesh.config import Config
from mesh.messages.control import Entry, Signed, Undo
from mesh.messages.health import NodeHealth
from mesh.messages.outcomes import Outcome
from mesh.revisions import Revisions
from mesh.stopset import StopSet
from mesh.units import SECOND_NS
from mesh.view import Told, View, freshness
from tui.feed import Batch, RouterLink
from tui.hands import Progress
from tui.history import NodeHistory, Window
from tui.latencies import Latencies
from tui.notelog import NoteLog

BAD_NS = 10 * SECOND_NS
"""Bad frames are a line of the log at most this often."""
RUNS_MAX = 20
"""Stops sent from here that are shown."""
SEEN_MAX = 10_000
UNKNOWN = "UNKNOWN"
"""In place of the ladder's word while no router tells how the mesh is."""


class Run(msgspec.Struct, frozen=True):
    """A stop, or the end of some, that was sent from here. ``error``: why it could not be."""

    number: int
    what: str
    wall_ns: int
    progress: Progress | None = None
    error: str = ""


class State:
    """What one console knows of one mesh."""

    def __init__(self, config: Config, now_ns: int) -> None:
        self.config = config
        """What master and locals decide by: its file's, with the live changes that routers show."""
        self._revisions = Revisions(config)
        self.began_ns = now_ns
        self.view = View()
        self.log = NoteLog()
        self.histories: dict[str, NodeHistory] = {}
        self.orders_a_minute = Window()
        """Lines whose opening or close ended, by outcome …"""
        self.outcomes_a_minute = Window()
        """… and all outcomes, in the last minute of this console."""
        self.latencies = Latencies(config)
        self.links: dict[str, RouterLink] = {}
        self.bad_frame_count = 0
        self.missed_count = 0
        self.is_seeing = False
        self.runs: dict[int, Run] = {}
        self.version = 0
        """Grows with each batch that told something: who shows the same as before need not draw."""
        self._stops = StopSet()
        self._seen: dict[tuple[str, int], None] = {}
        """Outcomes that were counted."""
        self._bad: tuple[int, int] = (0, 0)
        """How many bad frames the log has, and when that line was written."""
        self._states: dict[str, str] = {}
        """Router → how it was when it was last written down."""

    # what came

    def take(self, batch: Batch, now_ns: int, wall_ns: int) -> None:
        """Reduce what came since the last call."""
        for told in batch.told:
            item = told.item
            if isinstance(item, Signed) and (signed := self._stops.take(told.raw)) is not None:
                self.log.signed(signed)
            if not self._stops.is_newer(told.raw):  # of a level that only the set of stops can take
                self.view.put(told, told.at_ns)
            if isinstance(item, NodeHealth):
                if self.health(item.node) is item:  # another router may still tell what a node was before
                    self.histories.setdefault(item.node, NodeHistory()).take(item, told.at_ns)
                self.log.take(item)
            elif isinstance(item, Outcome):
                self._outcome(item, told, now_ns, wall_ns)
        self._revisions.take_all(self.view.live_changes)
        self.config = self._revisions.current
        self.links = batch.links
        # a router is as old as its last word, whenever the app came to take it
        self.view.routers |= {name: link.heard_ns for name, link in batch.links.items() if link.heard_ns}
        self.missed_count, self.is_seeing = batch.missed_count, batch.is_seeing
        self._count_bad(batch.bad_frame_count + self.view.bad_frame_count, wall_ns)
        self._routers(now_ns, wall_ns)
        self.version += bool(batch.told)

    def _outcome(self, outcome: Outcome, told: Told, now_ns: int, wall_ns: int) -> None:
        key = outcome.account, outcome.f
        is_new = key not in self._seen
        keep(self._seen, key, None, SEEN_MAX)
        if not is_new:
            return
        self.latencies.take(outcome, self.view, told.at_ns, now_ns, wall_ns - now_ns + told.at_ns)
        if not self.is_seeing:
            return  # what a first snapshot shows happened before
        self.outcomes_a_minute.add(1, told.at_ns)
        if outcome.cause == outcome.leg:
            self.orders_a_minute.add(1, told.at_ns)

    def _count_bad(self, count: int, wall_ns: int) -> None:
        self.bad_frame_count = count
        logged_count, at_ns = self._bad
        if count > logged_count and (not logged_count or wall_ns - at_ns >= BAD_NS):
            words = f"count={count - logged_count} total={count}: garbage, or of a newer version than this console"
            self.log.add(wall_ns, "warning", "console", "bad_frame", words)
            self._bad = count, wall_ns

    def _routers(self, now_ns: int, wall_ns: int) -> None:
        """Write down which routers came and went."""
        for name, link in self.links.items():
            word = self.router_state(name, now_ns)
            if self._states.get(name) == word:
                continue
            is_first, self._states[name] = name not in self._states, word
            if not (is_first and word == "dead"):
                level = "info" if word == "fresh" else "warning"
                self.log.add(wall_ns, level, "console", f"router_{word}", f"router={name} endpoint={link.endpoint}")

    # what was done here

    def began(self, what: str, wall_ns: int) -> int:
        """A stop is on its way; its number."""
        number = max(self.runs, default=0) + 1
        keep(self.runs, number, Run(number, what, wall_ns), RUNS_MAX)
        self.version += 1
        return number

    def told(self, number: int, progress: Progress) -> None:
        """How far it is."""
        if number in self.runs:
            self.runs[number] = msgspec.structs.replace(self.runs[number], progress=progress)
            self.version += 1

    def failed(self, number: int, error: str) -> None:
        """It could not be sent."""
        if number in self.runs:
            self.runs[number] = msgspec.structs.replace(self.runs[number], error=error)
            self.version += 1

    # what is known

    @property
    def stops(self) -> list[tuple[bytes, Entry]]:
        """Live stops, by id."""
        return self._stops.live()

    def undone(self) -> dict[bytes, Undo]:
        """Ended stops, by id, and what ended them."""
        undos = (item for item in self.view.stops.values() if isinstance(item, Undo))
        return {key: undo for undo in undos for key in undo.entries}

    def entries(self) -> list[tuple[bytes, Entry]]:
        """Every stop, the newest last."""
        return self._stops.entries()

    def ladder(self) -> str:
        """The highest live stop over everything, with ``+`` where a narrower one binds too; UNKNOWN while nobody tells."""
        return self._stops.ladder() if self.is_seeing else UNKNOWN

    def router_state(self, router: str, now_ns: int) -> str:
        """``fresh``, ``late`` or ``dead``: as old as its last frame is."""
        heard_ns = self.view.routers.get(router)
        return "dead" if heard_ns is None else freshness(now_ns - heard_ns)

    def is_blind(self, now_ns: int) -> bool:
        """Whether no router was heard lately: nothing that is shown is news then."""
        return is_blind(self.view, now_ns)

    def health(self, node: str) -> NodeHealth | None:
        """The newest a node told of itself."""
        seen = self.view.nodes.get(node)
        return seen[1] if seen else None

    def health_of(self, role: str) -> NodeHealth | None:
        """That of the first node of a role."""
        return next((health for node in self.config.nodes_of(role) if (health := self.health(node))), None)

    def age_ns(self, node: str, now_ns: int) -> int | None:
        """How old a node's newest word is; None: there was none."""
        seen = self.view.nodes.get(node)
        return None if seen is None else now_ns - seen[0]
