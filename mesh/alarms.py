"""What somebody is called for, decided once; the console lists it among other lines (``tui/alerts.py``), ``mesh.alarmbook`` has it told
to who is at no screen. Pure, as a view is now.

Each alarm has what happened with its value and limit, whose it is, and what to do. ``hold_ns`` is how long it has to be so before anybody
is called: a master that was killed is back within seconds, and a mesh that starts needs some. The console shows all at once.
"""

from collections.abc import Iterable, Iterator

import msgspec

from mesh.config import Config
from mesh.messages.accounts import AccountState
from mesh.messages.control import GENESIS, Entry
from mesh.messages.health import NodeHealth
from mesh.phases import DOWN_PHASES, FATAL, HELD, LEAVING_PHASES
from mesh.settings import AlertsSection
from mesh.stopset import UNKNOWN_LEVEL
from mesh.texts import money
from mesh.units import MS_NS, SECOND_NS
from mesh.view import FRESH_NS, View, freshness

DECIDE, WRONG, KNOW = "DECIDE", "WRONG", "KNOW"
"""Somebody has to decide; something is broken; good to know."""
KILLED, DEAD_MAN, UNKNOWN_RESULT, DAILY_LOSS = "KILLED", "DEAD_MAN", "UNKNOWN", "DAILY_LOSS"
ALGO_OFF, NODE_DOWN, CLOSE_WAITS, BLIND = "ALGO_OFF", "NODE_DOWN", "CLOSE_WAITS", "BLIND"
KINDS = (KILLED, UNKNOWN_RESULT, DAILY_LOSS, DEAD_MAN, BLIND, NODE_DOWN, ALGO_OFF, CLOSE_WAITS)
"""The gravest first."""
DEAD_MAN_HOLD_NS = 10 * SECOND_NS
DOWN_HOLD_NS = 10 * SECOND_NS
NEVER_HOLD_NS = 60 * SECOND_NS
"""So long may a node take to be seen for the first time."""
FLICKER_NS = 3 * SECOND_NS
"""What comes and goes with a terminal's connection has to last so long."""
PERCENT = 100


class Alarm(msgspec.Struct, frozen=True):
    """``subject``: which one of its kind. ``since_ns``: since when, by the clock of the view, where that is known."""

    kind: str
    subject: str
    rank: str
    words: str
    do: str
    account: str = ""
    value: str = ""
    limit: str = ""
    since_ns: int | None = None
    hold_ns: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Which one it is."""
        return self.kind, self.subject


def alarms(config: Config, view: View, stops: Iterable[tuple[bytes, Entry]], now_ns: int, is_seeing: bool) -> list[Alarm]:
    """All of them. ``stops``: those that bind; ``is_seeing``: a whole snapshot is fresh, so that what is not there is missing."""
    if is_blind(view, now_ns):
        return [_blind(view)]
    found = [alarm for key, entry in stops for alarm in stop_alarms(key, entry)]
    for name in config.account:
        if name in view.accounts:
            found += account_alarms(config, name, view.accounts[name][1])
    return found + list(node_alarms(config, view, now_ns, is_seeing))


def is_blind(view: View, now_ns: int) -> bool:
    """Whether no router was heard lately: nothing that is shown is news then."""
    return all(now_ns - heard_ns > FRESH_NS for heard_ns in view.routers.values())


def can_judge(alarm: Alarm, view: View, now_ns: int) -> bool:
    """Whether the absence of an alarm says that it is over: who is silent has ended nothing."""
    if is_blind(view, now_ns):
        return False
    if alarm.kind in (UNKNOWN_RESULT, DAILY_LOSS, ALGO_OFF):
        seen = view.accounts.get(alarm.account)
        return seen is not None and freshness(now_ns - seen[0]) != "dead" and (alarm.kind != ALGO_OFF or seen[1].connected)
    if alarm.kind in (DEAD_MAN, CLOSE_WAITS):
        told = view.nodes.get(alarm.subject)
        return told is not None and freshness(now_ns - told[0]) != "dead"
    return True


def _blind(view: View) -> Alarm:
    heard = list(view.routers.values())
    words = "no router is heard: how the mesh is, nobody knows from here"
    return Alarm(
        BLIND, "routers", WRONG, words, "`mesh status`, and the hosts of the routers; what was said before still stood then",
        since_ns=max(heard) if heard else None, hold_ns=DOWN_HOLD_NS,
    )  # fmt: skip


# stops


def stop_alarms(key: bytes, entry: Entry) -> Iterator[Alarm]:
    """A stop that binds; of a level this version does not know it is no less one."""
    words = f"{entry.level} {entry.scope} by {entry.by or entry.issuer}: {entry.reason or 'no reason'}"
    kind, _, name = entry.scope.partition(":")
    rank, do = KNOW, f"`mesh entries`; when it may trade again: `mesh resume {entry.scope} --reason …`"
    if entry.level == UNKNOWN_LEVEL:
        rank, words = WRONG, f"{words}; it binds: a console of that version says how much it stops"
    elif entry.reason.startswith(GENESIS):
        rank, words, do = DECIDE, f"{words}; arm it when it may trade", f"`mesh arm {name} --reason …`"
    yield Alarm(KILLED, key.hex(), rank, words, do, account=name if kind == "account" else "", value=entry.level)


# accounts


def account_alarms(config: Config, name: str, state: AccountState) -> Iterator[Alarm]:
    """What is alarming of one account, as it said last."""
    if state.unknown_count:
        alerts = config.settings.alerts or AlertsSection()
        yield Alarm(
            UNKNOWN_RESULT, name, DECIDE, f"{name}: {state.unknown_count} of UNKNOWN result; opens of its symbol are denied",
            "`mesh unknown` lists them, `mesh resolve` takes your word for what became of one", account=name,
            value=str(state.unknown_count), limit=f"for {_seconds(alerts.unknown_ms)} s", hold_ns=alerts.unknown_ms * MS_NS,
        )  # fmt: skip
    if state.connected and not state.trade_allowed:
        yield Alarm(
            ALGO_OFF, name, WRONG, f"{name}: trading is switched off at its terminal",
            "press Algo Trading in that terminal, or ask its broker", account=name, hold_ns=FLICKER_NS,
        )  # fmt: skip
    yield from _daily_loss(config, name, state)


def _daily_loss(config: Config, name: str, state: AccountState) -> Iterator[Alarm]:
    """Deposits of the day count as its beginning: an account tells the sum alone."""
    rails = config.rails_of(name)
    base_e8 = state.day_base_e8
    if rails.daily_loss_percent is None or base_e8 <= 0:
        return
    limit_e8, loss_e8 = int(base_e8 * rails.daily_loss_percent // PERCENT), base_e8 - state.equity_e8
    if limit_e8 <= 0 or loss_e8 * PERCENT < limit_e8 * rails.daily_loss_warn_percent:
        return
    share = loss_e8 * PERCENT // limit_e8
    said = f"{money(loss_e8)} of {money(limit_e8)} {state.currency}"
    yield Alarm(
        DAILY_LOSS, name, DECIDE, f"{name}: has lost {said} it may lose today, {share} %",
        f"look at it; at the limit: {rails.daily_loss_action}. `mesh freeze account:{name}` stops its opens now", account=name,
        value=money(loss_e8), limit=money(limit_e8),
    )  # fmt: skip


# nodes


def node_alarms(config: Config, view: View, now_ns: int, is_seeing: bool) -> Iterator[Alarm]:
    """Nodes that are not there, locals without leave, closes that wait."""
    for name in config.node:
        seen = view.nodes.get(name)
        account = config.node[name].account or ""
        if seen is None:
            if is_seeing:
                yield Alarm(NODE_DOWN, name, WRONG, f"{name}: never seen", _help_silent(name), account=account, hold_ns=NEVER_HOLD_NS)
        elif freshness(now_ns - seen[0]) == "dead":
            if not is_blind(view, now_ns):
                yield Alarm(
                    NODE_DOWN, name, WRONG, f"{name}: silent", _help_silent(name), account=account, since_ns=seen[0], hold_ns=DOWN_HOLD_NS,
                )  # fmt: skip
        elif (phase := seen[1].phase) in DOWN_PHASES:
            words = f"{name}: {phase}: {seen[1].facts.get('ended', 'nobody says how it ended')}"
            hold_ns = 0 if phase == FATAL else DOWN_HOLD_NS
            yield Alarm(NODE_DOWN, name, WRONG, words, _help_down(name), account=account, value=phase, hold_ns=hold_ns)
        else:
            yield from _local_alarms(name, seen[1], account)


def _help_down(name: str) -> str:
    """One that ends at its start has no log yet: what it said is in the words, how it ended in supervisord's."""
    return f"as it says; `mesh logs {name} supervisord`; then `mesh restart {name}`"


def _help_silent(name: str) -> str:
    return f"`mesh status`; on its host `mesh logs {name} supervisord`; `mesh restart {name}`"


def _seconds(span_ms: int) -> str:
    """Without needless zeros."""
    whole, rest = divmod(span_ms, 1_000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".")


def _local_alarms(name: str, health: NodeHealth, account: str) -> Iterator[Alarm]:
    grant, waiting = health.facts.get("grant", HELD), health.facts.get("closes_waiting", "0")
    if grant != HELD and health.phase not in LEAVING_PHASES:
        yield Alarm(
            DEAD_MAN, name, WRONG, f"{account}: no leave to open (grant: {grant}); it opens nothing, closes go on",
            "`mesh status`: its routers, and the master; it ends by itself, or `grant` says why", account=account, value=grant,
            limit=f"for {DEAD_MAN_HOLD_NS // SECOND_NS} s", hold_ns=DEAD_MAN_HOLD_NS,
        )  # fmt: skip
    if waiting not in ("", "0"):
        yield Alarm(
            CLOSE_WAITS, name, KNOW, f"{account}: {waiting} closes wait for the market to open; their positions are open until then",
            "`mesh positions`; they go out by themselves when it opens", account=account, value=waiting, hold_ns=FLICKER_NS,
        )  # fmt: skip
