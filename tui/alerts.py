"""What needs a person: each with what to do, the worst first. Pure: the same state and time give the same list."""

from collections.abc import Iterator
from itertools import chain

import msgspec

from mesh.alarms import DAILY_LOSS, DECIDE, KNOW, UNKNOWN_RESULT, WRONG, Alarm, account_alarms, node_alarms, stop_alarms
from mesh.messages.accounts import AccountState
from mesh.messages.control import STAGE_OF, STOP_STAGES, Entry
from mesh.messages.health import NodeHealth
from mesh.revisions import FOLLOWING_ROLES
from mesh.stopset import UNKNOWN_LEVEL
from mesh.view import freshness
from tui.amounts import age_text
from tui.state import State
from tui.tablemodel import plain

__all__ = ("DECIDE", "KNOW", "MARKS", "WRONG", "Alert", "accounts_of", "alerts", "is_held")

TRADES = (UNKNOWN_RESULT, DAILY_LOSS)
"""Kinds of alarms that are decided where the trades are."""
MARKS = {DECIDE: "‼", WRONG: "✗", KNOW: "·"}


class Alert(msgspec.Struct, frozen=True):
    """``page``: where it is decided."""

    rank: str
    words: str
    page: str


def alerts(state: State, now_ns: int) -> list[Alert]:
    """All of them. While no router is heard, that is one; who else is silent nobody knows then."""
    found = chain(
        _routers(state, now_ns),
        _lines(state),
        _strangers(state),
        _accounts(state, now_ns),
        _stops(state, now_ns),
        _undos(state),
        _nodes(state, now_ns),
        _rails(state),
    )
    order = list(MARKS)
    return sorted((msgspec.structs.replace(alert, words=plain(alert.words)) for alert in found), key=lambda alert: order.index(alert.rank))


def _routers(state: State, now_ns: int) -> Iterator[Alert]:
    """Routers this console does not hear."""
    for name, link in state.links.items():
        heard_ns = state.view.routers.get(name)
        if heard_ns is None:
            waited = age_text(now_ns - state.began_ns)
            yield Alert(WRONG, f"{name} not heard yet: tries {link.endpoint} since {waited}", "nodes")
        elif (word := state.router_state(name, now_ns)) != "fresh":
            yield Alert(WRONG, f"{name} {word}: silent for {age_text(now_ns - heard_ns)}; what it told last is greyed", "nodes")


def _lines(state: State) -> Iterator[Alert]:
    """Lines of the master nobody knows the end of."""
    health = state.health_of("master")
    counts = dict(word.split("=", 1) for word in (health.facts.get("states", "") if health else "").split() if "=" in word)
    if counts.get("UNCONFIRMED", "0") != "0":
        yield Alert(DECIDE, f"{counts['UNCONFIRMED']} lines UNCONFIRMED: a local is silent past their time", "trades")


def _strangers(state: State) -> Iterator[Alert]:
    """Accounts that routers tell of and this console's configuration lacks: no stop from here is confirmed for them."""
    found = [name for name in state.view.accounts if name not in state.config.account]
    if found:
        words = f"heard, but not in this console's configuration: {_named(found)}; a stop from here is not confirmed for them"
        yield Alert(WRONG, f"{words}: give it the mesh's own", "nodes")


def _accounts(state: State, now_ns: int) -> Iterator[Alert]:
    for name in state.config.account:
        seen = state.view.accounts.get(name)
        if seen is None:
            if state.is_seeing:
                yield Alert(WRONG, f"{name}: no word of it yet", "nodes")
            continue
        yield from _account(state, name, seen[1], now_ns - seen[0], state.is_blind(now_ns))


def _account(state: State, name: str, account: AccountState, age_ns: int, is_blind: bool) -> Iterator[Alert]:
    for alarm in account_alarms(state.config, name, account):
        yield Alert(alarm.rank, alarm.words, "trades" if alarm.kind in TRADES else "nodes")
    if freshness(age_ns) == "dead" and not is_blind:
        yield Alert(WRONG, f"{name}: its state is {age_text(age_ns)} old; it opens nothing", "nodes")
    elif not account.connected:
        yield Alert(WRONG, f"{name}: its terminal has no connection to the broker", "nodes")


def _stops(state: State, now_ns: int) -> Iterator[Alert]:
    """Live stops, and accounts that have not confirmed them."""
    for key, entry in state.stops:
        yield from (Alert(alarm.rank, alarm.words, "control") for alarm in stop_alarms(key, entry))
        if entry.level == UNKNOWN_LEVEL:
            continue
        lacking = [name for name in accounts_of(state, entry.scope) if not is_held(state, name, key, entry, now_ns)]
        if lacking:
            yield Alert(WRONG, f"NOT CONFIRMED: {entry.level} {entry.scope} on {_named(lacking)}", "control")


def _undos(state: State) -> Iterator[Alert]:
    """Ended stops that locals still hold: they open nothing until they know."""
    undone = state.undone()
    for key, entry in state.entries() if undone else ():
        holding = [name for name, (_, said) in state.view.latched.items() if key in undone and any(each.id == key for each in said.held)]
        if holding:
            yield Alert(KNOW, f"the end of {entry.level} {entry.scope} is on its way: {_named(holding)} still stopped", "control")


def _named(accounts: list[str]) -> str:
    return ", ".join(accounts[:4]) + (f" and {len(accounts) - 4} more" if len(accounts) > 4 else "")


def accounts_of(state: State, scope: str) -> list[str]:
    """Accounts that a stop's scope can touch."""
    kind, _, name = scope.partition(":")
    return [name] if kind == "account" else list(state.config.account)


def is_held(state: State, account: str, key: bytes, entry: Entry, now_ns: int) -> bool:
    """Whether a local says, and lately, that it is as far with a stop as its level goes."""
    seen, need = state.view.latched.get(account), STAGE_OF.get(entry.level)
    if seen is None or need is None or freshness(now_ns - seen[0]) == "dead":
        return False
    held = next((each for each in seen[1].held if each.id == key), None)
    return held is not None and held.stage in STOP_STAGES and STOP_STAGES.index(held.stage) >= STOP_STAGES.index(need)


def _nodes(state: State, now_ns: int) -> Iterator[Alert]:
    for alarm in node_alarms(state.config, state.view, now_ns, state.is_seeing):
        yield Alert(alarm.rank, _aged(alarm, now_ns), "nodes")
    healths: list[NodeHealth] = [health for name in state.config.node if (health := state.health(name)) is not None]
    kinds = [("version", {each.version for each in healths})]
    for follow in (True, False):  # who holds live changes runs another one than its file's, and all of them the same
        values = {each.config_hash for each in healths if (each.role in FOLLOWING_ROLES) is follow}
        kinds.append(("configuration", values))
    for what, values in kinds:
        if len(values) > 1:
            yield Alert(WRONG, f"nodes run {len(values)} kinds of {what}: {', '.join(sorted(values))}", "nodes")


def _aged(alarm: Alarm, now_ns: int) -> str:
    """What it says, and since when, where that is known."""
    return alarm.words if alarm.since_ns is None else f"{alarm.words} for {age_text(now_ns - alarm.since_ns)}"


def _rails(state: State) -> Iterator[Alert]:
    off = state.config.switched_off()
    if off:
        yield Alert(KNOW, f"switched off: {', '.join(off)}", "dashboard")
