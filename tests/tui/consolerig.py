"""A console without a mesh: fixed data, a clock that stands, hands that only remember; and its screen as text."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from mesh.codec import encode
from mesh.config import Config, parse
from mesh.confirmations import Verdict
from mesh.drawnkeys import DrawnKeys
from mesh.killset import entry_id
from mesh.messages.accounts import AccountState, AccountSymbols, PendingOrder, Position, SymbolSpec
from mesh.messages.base import NO_OID, Msg
from mesh.messages.control import CommandAnswer, Entry, Held, Latched, LostOrder, Undo
from mesh.messages.health import LocalSeen, NodeHealth, NoteTold, StageSummary
from mesh.messages.outcomes import DealReport, Outcome, Stamps
from mesh.units import E8, MS_NS, SECOND_NS
from mesh.view import Told, View
from nodes.io.locate import demo_text
from tests.tui.resting import resting
from tui.app import Console
from tui.feed import Batch, RouterLink
from tui.hands import LostList, Progress, Unable

CONFIG = parse(demo_text())
SIGNER = DrawnKeys(CONFIG).signer("operator")
NOW_NS = 1_000 * SECOND_NS
"""The console's clock in every test …"""
WALL_NS = 1_767_600_000 * SECOND_NS
"""… and the wall's."""
MARKET_NS = 1_767_571_200 * SECOND_NS
"""Monday 2026-01-05 00:00 UTC."""


# messages


def stamps(base_ns: int = 500 * SECOND_NS, step_us: int = 300) -> Stamps:
    """Eight stages, each ``step_us`` after the one before; the broker took ten times as long."""
    at = [base_ns + step * step_us * 1_000 for step in range(7)]
    return Stamps(*at, at[-1] + 10 * step_us * 1_000)


def state(account: str, equity: int = 10_000, positions: tuple[Position, ...] = (), **changes: Any) -> AccountState:
    """An account whose deposits were 10,000."""
    found = AccountState(
        account, 1, 1, 0, 0, MARKET_NS, 0, 5001, "USD", True, 100, 10_000 * E8, equity * E8, 0, 0, 0, 10_000 * E8,
        True, True, False, "ACTIVE", list(positions), [], ping_us=41_000, day_base_e8=9_990 * E8,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def position(ticket: int = 1_234_567_890, **changes: Any) -> Position:
    """0.1 lots of EURUSD, ours."""
    found = Position(
        ticket, ticket, "EURUSD", 1, E8 // 10, 110_000_000, 110_001_000, 109_000_000, 112_000_000, -12 * E8, 0, MARKET_NS, True,
        bytes([7]) * 16, "reversion",
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def pending(ticket: int = 7) -> PendingOrder:
    """A resting order."""
    return PendingOrder(ticket, "EURUSD", "BUY_LIMIT", E8, 109_000_000, 0, 0, 0, True)


def symbols(account: str) -> AccountSymbols:
    """EURUSD and USDJPY with their digits."""
    specs = [SymbolSpec(name, digits, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0) for name, digits in (("EURUSD", 5), ("USDJPY", 3))]
    return AccountSymbols(account, 1, specs)


def outcome(f: int, account: str = "demo-1", **changes: Any) -> Outcome:
    """An opening that was filled."""
    found = Outcome(
        account, 1, 1, f, bytes([f % 256]) * 16, f"demo/cci/EURUSD/{f}", "reversion", "open", "OPEN", "FILLED", True, "open", "",
        "EURUSD", 1, E8 // 10, 110_000_000, 0, f, f, f, 10009, 1, MARKET_NS + f * SECOND_NS, stamps(),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def deal(ticket: int, **changes: Any) -> DealReport:
    """A stop that was hit."""
    found = DealReport(
        "demo-1", ticket, ticket, ticket, "EURUSD", "SELL", "OUT", "SL", E8 // 10, 110_000_000, -5 * E8, -7_000_000, 0, MARKET_NS,
        NO_OID, "",
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def stage(name: str, p50_us: int = 300) -> StageSummary:
    """A stage in the last ten seconds."""
    p50_ns = p50_us * 1_000
    return StageSummary(name, 12, p50_ns, 2 * p50_ns, 3 * p50_ns, 4 * p50_ns, 5 * p50_ns, 10 * SECOND_NS)


FACTS = {
    "market": {"played": "54666", "total": "0", "speed": "60x", "feed_state": "playing", "waiting": ""},
    "master": {"lines": "30", "open_lines": "0", "codes": "FILLED=24 SKIPPED=6", "states": "WORKING=0 UNKNOWN=0 UNCONFIRMED=0"},
    "router": {"e": "1882544246049179", "n": "6", "home": "demo-1, demo-3", "connected": "4", "stops": "0"},
    "local": {"home": "router-1", "terminal": "attached", "grant": "held", "ladder": "ACTIVE", "in_hand": "0", "unknown": "0"},
}
STAGES = {
    "signals": ("to_master",),
    "master": ("publish", "ack"),
    "router": ("forward",),
    "local": ("intent", "hand_over", "broker", "told"),
}


def health(node: str, uptime_ms: int = 9_000, **changes: Any) -> NodeHealth:
    """A node that is well; ``facts`` are added to those of its role."""
    role = CONFIG.role_of(node) if node in CONFIG.node else "local"
    counters = {"order_count": 12, "outcome_count": 24, "tick_count": 54_666, "bar_count": 64, "signal_count": 12, "venue_call_count": 400}
    facts = FACTS.get(role, {}) | changes.pop("facts", {})
    found = NodeHealth(
        node, role, 1, 4242, "READY", MARKET_NS, 1_000, 3, 60 * 2**20, uptime_ms, "0.1.0", "c0ffee", counters, facts, 20 * 2**30,
        [stage(name) for name in STAGES.get(role, ())], 197_602, 866_471,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def note(number: int, level: str = "warning", name: str = "late_tick", text: str = "symbol=EURUSD") -> NoteTold:
    """A line of a node's log."""
    return NoteTold(number, WALL_NS, level, name, text)


def stop(level: str = "FREEZE", scope: str = "all", reason: str = "news", by: str = "ann@desk", nonce: int = 1) -> Entry:
    """A stop."""
    return Entry("operator", nonce, WALL_NS, level, scope, reason, by)


def undo(*entries: Entry) -> Undo:
    """Its end."""
    return Undo("operator", 99, WALL_NS, [key_of(entry) for entry in entries], "calm again", "ann@desk")


def key_of(entry: Entry) -> bytes:
    """A stop's id."""
    return entry_id(encode(entry))


def latched(account: str, *entries: Entry, stage: str = "LATCHED") -> Latched:
    """A local that holds these stops."""
    keys = [key_of(entry) for entry in entries]
    return Latched(account, 1, "FREEZE", keys, [], 1, [Held(key, stage, 0, 2, "") for key in keys])


def seen(account: str, **changes: Any) -> LocalSeen:
    """A router's view of a local."""
    return msgspec.structs.replace(LocalSeen(account, CONFIG.local_of(account), "fresh", True, 120, "ACTIVE"), **changes)


def quiet(config: Config = CONFIG) -> list[Msg]:
    """A whole mesh that is well and does nothing."""
    nodes: list[Msg] = [health(name) for name in config.node]
    accounts: list[Msg] = [state(name) for name in config.account]
    return [*nodes, *accounts, *map(symbols, config.account), *map(seen, config.account)]


def busy(config: Config = CONFIG) -> list[Msg]:
    """One that trades: positions on each account, one not ours, outcomes, deals, notes."""
    found: list[Msg] = [health(name, notes=[note(1)]) for name in config.node]
    for number, name in enumerate(config.account):
        ours = [
            position(1_000 * number + each, profit_e8=(each - 2) * 3 * E8, symbol=("EURUSD", "USDJPY")[each % 2]) for each in range(1, 5)
        ]
        foreign = position(1_000 * number + 9, ours=False, oid=NO_OID, strategy="", profit_e8=-E8)
        found.append(state(name, 10_004 - 3 * number, (*ours, foreign), orders=[pending(number + 1)]))
    found += [outcome(f, name) for f in range(1, 8) for name in config.account]
    found += [outcome(8, code="DENIED", detail="DAILY_LOSS used=312.00 limit=300.00", stamps=Stamps()), deal(5), deal(6, profit_e8=7 * E8)]
    return [*found, *map(symbols, config.account), *map(seen, config.account)]


# a console


class FakeFeed:
    """What a test says a router told."""

    def __init__(self, routers: list[str]) -> None:
        self.links = {name: RouterLink(name, f"tcp://127.0.0.1:{7_440 + number}", False, NOW_NS) for number, name in enumerate(routers)}
        self._told: list[Told] = []
        self.bad_frame_count = 0
        self.is_seeing = False

    def start(self) -> None:
        """Nothing to connect."""

    def stop(self) -> None:
        """Nothing to close."""

    def tell(self, *items: Msg, router: str = "router-1", age_ms: int = 100, now_ns: int = NOW_NS) -> None:
        """A whole snapshot of these items, so old when it is taken."""
        self.is_seeing = True
        self.links[router] = msgspec.structs.replace(self.links[router], is_connected=True, heard_ns=now_ns)
        for item in items:
            shown = SIGNER.signed(item) if isinstance(item, Entry | Undo) else item
            self._told.append(Told(router, now_ns - age_ms * MS_NS, shown, encode(shown)))

    def take(self) -> Batch:
        """What was told since."""
        told, self._told = self._told, []
        return Batch(told, dict(self.links), self.bad_frame_count, 0, self.is_seeing)


class FakeHands:
    """Hands that remember what they were asked, and answer what a test has put into them."""

    def __init__(self, why_not: str = "") -> None:
        self.why_not = why_not
        self.operator = "ann@desk"
        self.calls: list[tuple[object, ...]] = []
        self.progress: list[Progress] = []
        """What a stop tells, one after the other; the last is its end."""
        self.lists: list[LostList] = []
        self.answers: list[CommandAnswer] = []
        self.story: RenderableType = Text("the story")

    def _acts(self, *call: object) -> None:
        if self.why_not:
            raise Unable(self.why_not)
        self.calls.append(call)

    def _told(self, told: Callable[[Progress], None]) -> Progress:
        for progress in self.progress:
            told(progress)
        return self.progress[-1]

    def freeze_all(self, told: Callable[[Progress], None]) -> Progress:
        self._acts("freeze_all")
        return self._told(told)

    def preview(self, level: str, scope: str, view: View) -> list[str]:
        return [f"{name}: 2 positions, 0 pending orders" for name in CONFIG.account]

    def stop(self, level: str, scope: str, reason: str, told: Callable[[Progress], None]) -> Progress:
        self._acts("stop", level, scope, reason)
        return self._told(told)

    def resume(self, keys: list[bytes], reason: str, told: Callable[[Progress], None]) -> Progress:
        self._acts("resume", tuple(keys), reason)
        return self._told(told)

    def why(self, query: str, view: View) -> RenderableType:
        self.calls.append(("why", query))
        return self.story

    def lost(self) -> list[LostList]:
        self.calls.append(("lost",))
        return self.lists

    def resolve(self, account: str, order: LostOrder, ticket: int, reason: str, dry_run: bool) -> CommandAnswer:
        self._acts("resolve", account, order.oid, ticket, reason, dry_run)
        return self.answers[0]

    def reconcile(self, account: str) -> list[str]:
        self._acts("reconcile", account)
        return [f"{account}: nothing differs"]

    def close(self, scope: str, foreign: bool, reason: str, dry_run: bool) -> list[CommandAnswer]:
        self._acts("close", scope, foreign, reason, dry_run)
        return self.answers

    def modify(self, ticket: str, sl: str, tp: str, dry_run: bool) -> list[CommandAnswer]:
        self._acts("modify", ticket, sl, tp, dry_run)
        return self.answers


def progress(what: str = "FREEZE all", confirmed: int = 4, is_over: bool = True) -> Progress:
    """A stop that the first so many accounts have confirmed."""
    verdicts = [
        Verdict(name, number < confirmed, "" if number < confirmed else "no LATCHED", 49 * MS_NS)
        for number, name in enumerate(CONFIG.account)
    ]
    return Progress(bytes(16), what, tuple(verdicts), (), {}, is_over)


class Rig:
    """A console whose clock stands unless a test moves it, and which draws when a test says so."""

    def __init__(self, *items: Msg, why_not: str = "", config: Config = CONFIG, is_whole: bool = False) -> None:
        self.at_ns = NOW_NS
        self.is_whole = is_whole
        self.feed = FakeFeed(config.nodes_of("router"))
        self.hands = FakeHands(why_not)
        self.hands.progress = [progress(confirmed=1, is_over=False), progress()]
        self.app = Console(
            config, {}, self.hands, now_ns=lambda: self.at_ns, wall_ns=lambda: WALL_NS + self.at_ns - NOW_NS, feed=self.feed
        )
        self.app.mounts_rest = False
        if items:
            for router in config.nodes_of("router"):
                self.feed.tell(*items, router=router)

    def run(self, play: Callable[["Rig", Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
        """Play something on a console of this size."""

        async def played() -> None:
            async with self.app.run_test(size=size) as pilot:
                if self.is_whole:
                    self.app.mount_rest()
                    await pilot.pause()
                await self.turn(pilot)
                await play(self, pilot)
                self.text()  # what it looked like at last can be painted

        with resting(self.app):
            asyncio.run(played())

    async def turn(self, pilot: Pilot[None], ms: int = 0) -> None:
        """Let so much time go by, take what came and draw."""
        self.at_ns += ms * MS_NS
        self.app._drawn_ns = 0  # it is time to draw, whatever came
        self.app.turn()
        await pilot.pause()

    def text(self) -> str:
        """The screen as it is seen, with those that shine through."""
        visible_screen_stack.set(self.app._background_screens)
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
