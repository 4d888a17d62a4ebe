"""The sentences of the control page: which step is in force, how a stop that was sent took, what one would touch, what an undo leaves."""

from collections.abc import Iterable

import msgspec

from mesh.config import Config
from mesh.killset import ALL, SCOPE_KINDS
from mesh.messages.control import ACTIVE, CANCEL, FLATTEN, FREEZE, LADDER, CommandAnswer, Entry
from mesh.stopset import UNKNOWN_LEVEL, rank_of
from mesh.texts import lots, price
from mesh.view import freshness
from tui.alerts import accounts_of
from tui.state import UNKNOWN, Run, State
from tui.stoprows import is_arming, seconds_text, since_text

SHORT = {ACTIVE: "trades", FREEZE: "no opens", CANCEL: "+ cancels pending", FLATTEN: "+ closes positions"}
"""What each step does beyond the one before it."""
MEANING = {
    ACTIVE: "opens and closes as strategies decide",
    FREEZE: "no opens; closes and local management go on, pending orders stay",
    CANCEL: "no opens, and pending orders are cancelled; closes and local management go on",
    FLATTEN: "no opens, pending orders are cancelled and positions closed",
}
NAMED_MAX = 3
"""Accounts that a sentence names; of more it says how many."""
NOTHING_SENT = """\
Nothing was sent from here yet. What is, is told here by account:
CONFIRMED, or NOT CONFIRMED and why; there is no third answer.

Ctrl+X Ctrl+X  within a second: FREEZE all, at once, no question
f  c  x        FREEZE, CANCEL or FLATTEN of a scope, with a preview
Enter          on a stop: end all of its scope;  U: that one only
p              close positions of a scope; it may open again
r              have an account read everything and compare

A stop binds until somebody ends it; it outlives every restart."""
ONLY_WATCHES = """\
This console only watches: it can stop nothing, and Ctrl+X twice freezes nothing.
{why_not}
To stop: mesh kill, or mesh freeze SCOPE, on a host that has an operator's key."""


def named(names: list[str]) -> str:
    """The first of them, and how many more."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# the ladder


class Step(msgspec.Struct, frozen=True):
    """One step. ``mark``: ● in force, ○ not, ? where nobody tells."""

    level: str
    mark: str
    is_in_force: bool


def steps(state: State) -> list[Step]:
    """The four steps, from what trades to what holds nothing."""
    word = state.ladder()
    if word.rstrip("+") not in LADDER:
        return [Step(level, "?", False) for level in LADDER]
    return [Step(level, "●" if level == word.rstrip("+") else "○", level == word.rstrip("+")) for level in LADDER]


def force_words(state: State, now_ns: int, can_act: bool = True) -> str:
    """What is in force, in a sentence: over everything, and narrower. ``can_act``: whether this console can stop."""
    word = state.ladder()
    live = [entry for _, entry in state.stops]
    narrow = [f"{entry.level} {entry.scope}" for entry in live if entry.scope != ALL]
    if word == UNKNOWN:
        heard = list(state.view.routers.values())
        if not heard:
            return "UNKNOWN: no router was heard yet"
        known = named([f"{entry.level} {entry.scope}" for entry in live]) or "no stop"
        silent = f"UNKNOWN: no router was heard for {seconds_text(now_ns - max(heard))} s"
        return f"{silent}; known last: {known}" + (". You can still stop: it is sent at once" if can_act else "")
    level = word.rstrip("+")
    also = f"; narrower: {named(narrow)}" if narrow else ""
    return f"in force over everything: {level}{also}"


# what was sent from here


def run_title(run: Run, place: int, count: int) -> str:
    """Which of the stops sent from here it is."""
    return f"SENT FROM HERE {place} of {count}: {run.what}, {since_text(run.wall_ns)} UTC"


def run_words(run: Run, state: State) -> list[str]:
    """How far it is: accounts, then whoever lacks it or refuses it, then what has become of it since."""
    if run.error:
        return [f"✗ NOT SENT: {run.error}"]
    progress = run.progress
    if progress is None:
        return ["on its way: nobody has answered yet"]
    open_ones = [verdict for verdict in progress.verdicts if not verdict.is_confirmed]
    words = f"{run.what}: {progress.confirmed_count} of {len(progress.verdicts)} confirmed"
    if not progress.verdicts:
        words = f"{run.what}: it concerns no account of this configuration"
    if open_ones:
        first = open_ones[0]
        more = f", and {counted(len(open_ones) - 1, 'more account')}" if len(open_ones) > 1 else ""
        word = "no longer waited for:" if progress.is_over else "waiting for"
        words += f", {word} {first.account}: {first.why}{more}"
    lines = [("✗ " if open_ones else "✓ " if progress.verdicts else "· ") + words]
    lines += [f"✗ {node} refuses it: {why}" for node, why in progress.refusals.items()]
    lacking = [node for node in progress.lacking if node not in progress.refusals]
    if lacking:
        lines.append(f"· not heard that they have it: {named(lacking)}")
    if progress.is_over and open_ones and len(progress.lacking) < _holders(state):
        lines.append("· it binds where it came and spreads on; send it again to have it confirmed")
    elif progress.is_over and open_ones:
        lines.append("✗ nobody is known to have it: it is NOT in force; send it again")
    undo = state.undone().get(progress.id)
    if undo is not None:
        lines.append(f"· ended since by {undo.by or undo.issuer}: {undo.reason or 'no reason'}")
    return lines


# scopes


def scopes(config: Config, with_accounts_only: bool = False) -> list[str]:
    """Every scope the configuration has."""
    accounts = [f"account:{name}" for name in config.account]
    if with_accounts_only:
        return accounts
    symbols = [f"symbol:{name}" for name in config.settings.market.symbols]
    return [ALL, *accounts, *symbols, *(f"strategy:{name}" for name in config.strategy)]


def matching(word: str, known: list[str]) -> list[str]:
    """Those that begin so, and then those whose name does."""
    sought = word.casefold()
    whole = [scope for scope in known if scope.casefold().startswith(sought)]
    return whole + [scope for scope in known if scope not in whole and name_of(scope).casefold().startswith(sought)]


def resolved(word: str, known: list[str]) -> str:
    """A scope in full where only its name was typed and that is one scope's."""
    found = [scope for scope in known if name_of(scope) == word]
    return found[0] if word not in known and len(found) == 1 else word


def name_of(scope: str) -> str:
    """What is typed to confirm: ``all``, or what the scope names."""
    kind, _, name = scope.partition(":")
    return name if kind in SCOPE_KINDS else scope


# what a stop would touch


class Touched(msgspec.Struct, frozen=True):
    """What is seen in a scope. ``unseen``: accounts that were never; ``old``: accounts whose state is not fresh, and its age."""

    account_count: int
    position_count: int
    foreign_count: int
    order_count: int
    unseen: list[str]
    old: list[str]


def touched(state: State, scope: str, now_ns: int) -> Touched:
    """Counted over all accounts; orders not for a strategy, for nobody knows whose they are."""
    kind, _, name = scope.partition(":")
    names = accounts_of(state, scope)
    positions = foreign = orders = 0
    unseen: list[str] = []
    old: list[str] = []
    for account in names:
        seen = state.view.accounts.get(account)
        if seen is None:
            unseen.append(account)
            continue
        at_ns, found = seen
        if freshness(now_ns - at_ns) != "fresh":
            old.append(f"{account} {seconds_text(now_ns - at_ns)} s old")
        symbols = (name, state.config.broker_symbol(account, name)) if kind == "symbol" and account in state.config.account else ()
        for position in found.positions:
            if (kind != "symbol" or position.symbol in symbols) and (kind != "strategy" or position.strategy == name):
                positions += 1
                foreign += not position.ours
        if kind != "strategy":
            orders += sum(kind != "symbol" or order.symbol in symbols for order in found.orders)
    return Touched(len(names), positions, foreign, orders, unseen, old)


def stop_warnings(level: str, scope: str, seen: Touched) -> list[str]:
    """What has to be known before it is sent."""
    found = [f"{level} {scope}: {MEANING[level]}"]
    orders = "" if scope.startswith("strategy:") else f", {counted(seen.order_count, 'pending order')}"
    found.append(f"now: {counted(seen.account_count, 'account')}, {counted(seen.position_count, 'position')}{orders}")
    if level == FLATTEN and scope.startswith("strategy:"):
        found.append("· positions of this strategy only; those that are not ours stay")
    elif level == FLATTEN:
        found.append(f"‼ closes what is not ours too: {counted(seen.foreign_count, 'position')}")
    elif level == FREEZE and seen.position_count:
        found.append("· positions stay open, with their stops at the broker")
    if seen.unseen:
        found.append(f"✗ never seen: {named(seen.unseen)}; it is sent to them all the same")
    if seen.old:
        found.append(f"◐ old numbers: {named(seen.old)}")
    return found


# the way back


def can_end(entry: Entry) -> bool:
    """Whether it can be ended from here: nobody lets trade again what he does not know how far it stops."""
    return entry.level != UNKNOWN_LEVEL


def same_scope(state: State, scope: str) -> list[bytes]:
    """Live stops of exactly this scope that can be ended from here."""
    return [key for key, entry in state.stops if entry.scope == scope and can_end(entry)]


def undo_word(state: State, entry: Entry) -> str:
    """What is typed: the scope, or the account that is armed."""
    return name_of(entry.scope) if is_arming(state, entry) else entry.scope


def undo_lines(state: State, keys: list[bytes]) -> list[str]:
    """What ends, what stays, and how accounts stand after it."""
    ends = [(key, entry) for key, entry in state.stops if key in keys]
    stays = [(key, entry) for key, entry in state.stops if key not in keys]
    concerned = dict.fromkeys(name for _, entry in ends for name in accounts_of(state, entry.scope))
    after: dict[str, list[str]] = {}
    for name in concerned:
        after.setdefault(_level_after(name, (entry for _, entry in stays)), []).append(name)
    lines = [*(_listed("ends", ends) or ["ends    nothing: it has been ended already"]), *_listed("stays", stays)]
    lines += [
        f"after   {level} on {named(names) if len(names) < len(state.config.account) else 'every account'}"
        for level, names in after.items()
    ]
    return lines


def _listed(word: str, stops: Iterable[tuple[bytes, Entry]]) -> list[str]:
    return [
        f"{word:6}  {entry.level} {entry.scope} by {entry.by or entry.issuer}: {entry.reason or 'no reason'} ({key.hex()[:12]})"
        for key, entry in stops
    ]


def _level_after(account: str, stays: Iterable[Entry]) -> str:
    """The highest level over all of an account; stops of a symbol or a strategy are listed, and bind these alone."""
    levels = [entry.level for entry in stays if entry.scope in (ALL, f"account:{account}")]
    return max(levels, key=rank_of, default=ACTIVE)


# manual commands


def answer_lines(state: State, answers: list[CommandAnswer]) -> list[str]:
    """What accounts answered to a command: how many of each code, then a line each."""
    counts: dict[str, int] = {}
    for answer in answers:
        counts[answer.code] = counts.get(answer.code, 0) + 1
    head = ", ".join(f"{count:,} {code}" for code, count in counts.items()) or "nobody answered"
    return [head, *(_answer_line(state, answer) for answer in answers)]


def _answer_line(state: State, answer: CommandAnswer) -> str:
    known = state.view.symbols.get(answer.account)
    digits = next((spec.digits for spec in known.symbols if spec.symbol == answer.symbol), 5) if known is not None else 5
    words = (
        f"{answer.account:12}",
        f"{answer.code:10}",
        str(answer.ticket) if answer.ticket else "",
        answer.symbol,
        f"{lots(answer.volume_e8)} lots" if answer.volume_e8 else "",
        price(answer.price_e8, min(8, digits)),
        answer.detail,
    )
    return "  ".join(word for word in words if word).rstrip()


def _holders(state: State) -> int:
    """Routers and masters, each of which can hold a stop and hand it on."""
    return len(state.config.nodes_of("router")) + len(state.config.nodes_of("master"))
