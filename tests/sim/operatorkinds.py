"""What operators do to a simulated mesh about attempts whose result nobody heard: mostly they tell the truth, sometimes they are wrong."""

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from msgspec import structs

from mesh.codec import encode
from mesh.config import configured
from mesh.faults import FaultSection
from mesh.messages.control import FLATTEN, FREEZE, Entry, Signed, Undo
from mesh.messages.orders import CLOSE, OPEN
from mesh.units import E8, MS_NS
from nodes.local.attempts import OrderRecord
from nodes.local.core import Local
from nodes.router.core import Router
from nodes.terminal import names
from nodes.terminal.faults import FaultPlan as VenueFaults
from tests.sim.fleet import ROUTERS
from tests.sim.players import MARKET_NS
from tests.sim.rogue import Rogue

if TYPE_CHECKING:
    from tests.sim.faultplan import FaultPlan

WRONG = 0.4
"""Share of what was executed of which he says that it was not."""
UNUSED = 0.2
"""Share of the live changes that he prepares and never puts in force."""
QUIET_NS = 300 * MS_NS
"""He waits so long after a call before he says that it did nothing."""
HANDS_NS = 1_500 * MS_NS
LOOK_NS, WATCH_NS = 25 * MS_NS, 1_500 * MS_NS
"""How often, and for how long, he looks for something lost."""


def forge(plan: "FaultPlan", random: Random) -> str:
    """Somebody who has come as far as an operator's socket stops, or lets go, what he may not: none of it may be taken anywhere."""
    fleet, what = plan.fleet, random.choice(("unsigned", "edited", "of a stranger", "out of scope", "undo of a node", "undo of a stopper"))
    operator, nonce = fleet.operator, random.getrandbits(60)
    entry = Entry("operator", nonce, fleet.net.now_ns, FREEZE, "all", "forged")
    undo = Undo("operator", nonce, fleet.net.now_ns, list(operator.entries)[-8:], "forged")
    local = random.choice(fleet.locals)
    match what:
        case "unsigned":
            signed = Signed(encode(random.choice((entry, undo))), random.randbytes(64))
        case "edited":
            signed = fleet.keys.signer("operator").signed(entry)
            signed = Signed(signed.body.replace(b"forged", b"edited"), signed.signature)
        case "of a stranger":
            signed = fleet.keys.signer("stranger").signed(structs.replace(entry, issuer="stranger"))
        case "out of scope":
            signed = fleet.keys.signer(local).signed(structs.replace(entry, issuer=local))
        case "undo of a node":
            signed = fleet.keys.signer(local).signed(structs.replace(undo, issuer=local))
        case _:
            signed = fleet.keys.signer("stopper").signed(structs.replace(undo, issuer="stopper"))
    operator.forge(signed, what)
    return what


def rogue(plan: "FaultPlan", random: Random) -> str:
    """A router's key is stolen: for a while a thief hands on what he likes; then its process is another."""
    fleet, name = plan.fleet, random.choice(ROUTERS)
    core = fleet.net.places[name].core
    if not isinstance(core, Router) or name in plan.rogues:
        return ""
    thief = plan.rogues[name] = Rogue(core, random)
    fleet.stolen.add(name)

    def end() -> None:
        if plan.rogues.get(name) is thief:
            del plan.rogues[name]
            thief.leave()
            if fleet.net.places[name].core is core:
                fleet.net.crash(name)

    plan.ends.append(end)
    return f"{name} for {plan.later(random, 200, 4_000, end)} ms"


def flatten(plan: "FaultPlan", random: Random) -> str:
    """An operator flattens while terminals show late what was done there, answers get lost, and people trade at them by hand."""
    fleet, net = plan.fleet, plan.fleet.net
    late_ms, hand_ms = random.randint(100, 1_500), random.randint(60, 180)
    rules = FaultSection(kind="lose_reply", chance=Decimal("0.3")), FaultSection(kind="hide", chance=Decimal("0.8"), for_ms=late_ms)
    fleet.service._faults = VenueFaults(rules, random.getrandbits(31))
    until_ns = net.now_ns + HANDS_NS

    def trade() -> None:
        if plan.is_over or net.now_ns > until_ns:
            return
        _by_hand(plan, random.choice(list(fleet.config.account)), random.choice((0, 1)), hand_ms)
        net.call(net.now_ns + random.randint(20, 200) * MS_NS, trade)

    trade()
    scope = random.choice(("all", f"account:{random.choice(list(fleet.config.account))}"))
    plan.later(random, 10, 600, lambda: None if plan.is_over else fleet.operator.stop(FLATTEN, scope, net.now_ns))
    wait_ms = plan.later(random, 2_500, 4_000, plan.undo_stops)
    return f"{scope} for {wait_ms} ms, shown {late_ms} ms late, hands {hand_ms} ms"


def revise(plan: "FaultPlan", random: Random) -> str:
    """An operator changes a limit while all nodes run: mostly he puts it in force, sometimes two of his changes lead on from the same."""
    fleet, operator = plan.fleet, plan.fleet.operator
    count = random.randint(5_000, 500_000)
    settings = operator.config.settings
    rails = structs.replace(settings.rails, orders_per_hour_count=count)
    key = operator.revise(configured(structs.replace(settings, rails=rails)), fleet.net.now_ns)
    if random.random() < UNUSED:
        return f"to {count}, left at that"
    return f"to {count}, in force in {plan.later(random, 0, 1_500, lambda: operator.put_in_force(key, fleet.net.now_ns))} ms"


def _by_hand(plan: "FaultPlan", account: str, side: int, hidden_ms: int) -> None:
    """Somebody opens a position at a terminal; it is shown late, but within the window of visibility."""
    fleet = plan.fleet
    login = fleet.config.account[account].login
    held = set(fleet.server.accounts[login].positions)
    before, fleet.service._faults = fleet.service._faults, VenueFaults((FaultSection(kind="hide", for_ms=hidden_ms),), 1)
    row = [names.TRADE_ACTION_DEAL, 0, 0, "EURUSD", E8 // 100, 0, 0, 0, 0, 20, side, names.ORDER_FILLING_FOK, 0, 0, "", 0, 0]
    fleet.service.call(login, "order_send", row, MARKET_NS + fleet.net.now_ns)
    fleet.service._faults = before
    for ticket in set(fleet.server.accounts[login].positions) - held:
        fleet.hands[ticket] = {name: place.clock.local_ns(fleet.net.now_ns) for name, place in fleet.net.places.items()}


def resolve(plan: "FaultPlan", random: Random) -> str:
    """An operator looks for a lost attempt and resolves it by the server's own books; where none is lost he reconciles an account."""
    net, operator = plan.fleet.net, plan.fleet.operator
    until_ns = net.now_ns + WATCH_NS

    def look() -> None:
        lost = _lost(plan)
        if plan.is_over or net.now_ns > until_ns:
            account = random.choice(list(plan.fleet.config.account))
            operator.reconcile(account)
            plan.log.append((net.now_ns, "reconcile", account))
        elif lost:
            plan.log.append((net.now_ns, "resolve", _said(plan, random, *random.choice(lost))))
        else:
            net.call(net.now_ns + LOOK_NS, look)

    look()
    return ""


def _correct(plan: "FaultPlan", account: str, oid: bytes, ticket: int) -> None:
    """He sees that he was wrong about an open: once it has ended as he said, he says what it became."""
    net, until_ns = plan.fleet.net, plan.fleet.net.now_ns + WATCH_NS

    def look() -> None:
        cores = [place.core for name, place in net.places.items() if name in plan.fleet.locals and plan.fleet.account(name) == account]
        if any(isinstance(core, Local) and core._state.late.is_watched(oid) for core in cores):
            plan.fleet.operator.resolve(account, oid, 0, ticket)
            plan.log.append((net.now_ns, "resolve", f"OPEN {oid.hex()}@{account} executed {ticket} after all"))
        elif not plan.is_over and net.now_ns < until_ns:
            net.call(net.now_ns + LOOK_NS, look)

    look()


def _said(plan: "FaultPlan", random: Random, account: str, record: OrderRecord, ticket: int) -> str:
    """What he says of it."""
    fleet = plan.fleet
    is_wrong = ticket and not record.not_found_ns and random.random() < WRONG
    if record.action == CLOSE and fleet.config.account[account].margin_mode == "netting":
        # a wrong word about what no read shows yet is beyond mending where no position is gone that would refuse another close
        is_wrong = is_wrong and not fleet.service.session(fleet.config.account[account].login).hides
    if is_wrong:
        plan.ends.append(lambda: fleet.operator.reconcile(account))
        if record.action == OPEN:
            _correct(plan, account, record.oid, ticket)
        ticket = 0
    fleet.operator.resolve(account, record.oid, record.attempt, ticket)
    said = f"executed {ticket}" if ticket else "not-executed"
    return f"{record.action} {record.oid.hex()}@{account} {said}{', wrongly' if is_wrong else ''}"


def _lost(plan: "FaultPlan") -> list[tuple[str, OrderRecord, int]]:
    """Opens and closes whose result is looked for, with the order they became (0: none, a while after the call, and none rests), and
    opens that ended NOT_FOUND and became one all the same.
    """
    fleet, found = plan.fleet, []
    for name in fleet.locals:
        core, account = fleet.net.places[name].core, fleet.account(name)
        if not isinstance(core, Local):
            continue
        orders = fleet.server.accounts[fleet.config.account[account].login].orders
        resting = {fleet.watch.tickets[ticket][0] for ticket in orders if ticket in fleet.watch.tickets}  # type: ignore[attr-defined]
        for job in core._desk.jobs.unknown():
            record = job.record
            calls = [sent.at_ns for sent in fleet.watch.sent if sent.send.oid == record.oid]  # type: ignore[attr-defined]
            is_quiet = fleet.net.now_ns - max(calls, default=0) >= QUIET_NS
            ticket = _ticket(plan, account, record)
            if record.action in (OPEN, CLOSE) and (ticket or (is_quiet and record.oid not in resting)):
                found.append((account, record, ticket))
        watched = [(record, _ticket(plan, account, record)) for record in core._state.late.watched()]
        found += [(account, record, ticket) for record, ticket in watched if ticket]
    return found


def _ticket(plan: "FaultPlan", account: str, record: OrderRecord) -> int:
    """The order that a lost attempt became at the server; 0: it did nothing."""
    for deal in plan.fleet.watch.deals(account):  # type: ignore[attr-defined]
        oid, where, attempt, _ = plan.fleet.watch.tickets.get(deal.order, (b"", "", 0, ""))  # type: ignore[attr-defined]
        is_lost = attempt in (record.lost or [record.attempt])
        if (oid, where) == (record.oid, account) and is_lost:
            return int(deal.order)
    return 0
