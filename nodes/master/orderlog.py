"""Orders of this epoch: their numbers, their records while a router may ask for them again, and the answers to that.

``n`` is dense in the epoch and ``k`` for each account; both are given when a decision is made and become visible (in
heartbeats and grants) when it is published, which is after it was durable. One record goes to all accounts that get the
same body; more targets than a frame holds, or other distances for other brokers, make several records of one oid.
"""

from operator import attrgetter

import msgspec

from mesh.codec import encode
from mesh.messages.base import NO_OID
from mesh.messages.orders import OPEN, Expired, GapFill, Order, OrderBody, Target
from mesh.messages.signals import Signal
from nodes.decisions import PUBLISHED, Decision, Line, LineRecord
from nodes.master.account import Account
from nodes.master.draft import Draft

TARGETS_MAX = 200
"""Of one record: with the longest names still under 32 KB."""
RECENT_TARGETS_MAX = 4_000
"""Records whose lines have all ended are forgotten beyond this many targets: nobody lacks what it has answered."""
REPLAY_MAX = 256
"""Records sent for one Replay; the router asks for the rest."""


class Published(msgspec.Struct):
    """One record: what went out, to which lines, and until when it may go out again (0: for ever)."""

    order: Order
    body: bytes
    lines: list[Line]
    deadline_ns: int


class OrderLog:
    """Numbers and records of one epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.n = 0
        self.published_n = 0
        self._records: dict[int, Published] = {}
        self._of_k: dict[tuple[str, int], int] = {}
        self._targets_count = 0

    def numbered(self, groups: list[list[Draft]], accounts: dict[str, Account], deadline_ns: int) -> list[LineRecord]:
        """The lines of a decision with their numbers: in the order of the drafts, closes of a group before its opens."""
        for group in groups:
            bodies: dict[tuple[object, ...], list[Draft]] = {}
            for draft in ranked(group):
                if draft.code == PUBLISHED:
                    bodies.setdefault(_body_key(draft), []).append(draft)
            for members in bodies.values():
                for start in range(0, len(members), TARGETS_MAX):
                    self.n += 1
                    for draft in members[start : start + TARGETS_MAX]:
                        account = accounts[draft.account]
                        account.k += 1
                        draft.e, draft.n, draft.k = self.epoch, self.n, account.k
                        if draft.action == OPEN:
                            draft.deadline_ns = deadline_ns
        return [draft.record() for group in groups for draft in group]

    def renumbered(self, closes: list[LineRecord], accounts: dict[str, Account]) -> list[LineRecord]:
        """Closes of an older epoch under numbers of this one."""
        bodies: dict[tuple[object, ...], list[LineRecord]] = {}
        for record in sorted(closes, key=lambda record: (len(record.leg), record.leg)):
            bodies.setdefault(_body_key(record), []).append(record)
        found: list[LineRecord] = []
        for members in bodies.values():
            for start in range(0, len(members), TARGETS_MAX):
                self.n += 1
                for record in members[start : start + TARGETS_MAX]:
                    account = accounts[record.account]
                    account.k += 1
                    found.append(msgspec.structs.replace(record, e=self.epoch, n=self.n, k=account.k))
        return found

    def publish(self, decision: Decision, accounts: dict[str, Account], now_ns: int) -> list[Published]:
        """The records of a decision, now durable, in order of ``n``; from here on they can be asked for."""
        decision.stamp_out_ns = now_ns
        by_n: dict[int, list[Line]] = {}
        for line in decision.lines:
            record = line.record
            if record.n and record.e == self.epoch:
                by_n.setdefault(record.n, []).append(line)
        made = [self._record(n, by_n[n], decision, now_ns) for n in sorted(by_n)]
        for published in made:
            self._keep(published, accounts)
        return made

    def _record(self, n: int, lines: list[Line], decision: Decision, now_ns: int) -> Published:
        first = lines[0].record
        targets = [target_of(line.record) for line in lines]
        body = encode(body_of(first, decision, now_ns))
        return Published(Order(self.epoch, n, first.oid, targets), body, lines, first.deadline_ns)

    def _keep(self, record: Published, accounts: dict[str, Account]) -> None:
        n = record.order.n
        assert n == self.published_n + 1, f"record {n} published after {self.published_n}"
        self.published_n = n
        self._records[n] = record
        of_k = self._of_k
        for target in record.order.targets:
            accounts[target.account].published_k = target.k
            of_k[target.account, target.k] = n
        self._targets_count += len(record.order.targets)
        if self._targets_count > RECENT_TARGETS_MAX:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Drop the oldest record whose lines have all ended; those before it that have not stay."""
        for n, record in self._records.items():
            if not any(line.is_open for line in record.lines):
                del self._records[n]
                for target in record.order.targets:
                    del self._of_k[(target.account, target.k)]
                self._targets_count -= len(record.order.targets)
                return

    def again(self, from_n: int, to_n: int, accounts: dict[str, Account], now_ns: int) -> list[Published | GapFill]:
        """Records ``from_n … to_n`` once more, or what stands for those that may not go out again."""
        last_n = min(to_n, self.published_n, from_n + REPLAY_MAX - 1)
        return [self._again(n, accounts, now_ns) for n in range(max(from_n, 1), last_n + 1)]

    def _again(self, n: int, accounts: dict[str, Account], now_ns: int) -> Published | GapFill:
        record = self._records.get(n)
        if record is None:
            return GapFill(self.epoch, [], n, n)
        late = [target for target in record.order.targets if is_too_late(record, target, accounts, now_ns)]
        if not late:
            return record
        if len(late) == len(record.order.targets):
            return GapFill(self.epoch, [_expired(record, target, accounts[target.account]) for target in late], n, n)
        # another life of one local: the others still get theirs, that one learns by its own ReplayAccount
        kept = [target for target in record.order.targets if target not in late]
        return Published(Order(self.epoch, n, record.order.oid, kept), record.body, record.lines, record.deadline_ns)

    def again_for(
        self, account: Account, from_k: int, to_k: int, now_ns: int
    ) -> list[Published | GapFill]:
        """What one account was sent under ``from_k … to_k``, each to it alone."""
        found: list[Published | GapFill] = []
        last_k = min(to_k, account.published_k, from_k + REPLAY_MAX - 1)
        for k in range(max(from_k, 1), last_k + 1):
            record = self._records.get(self._of_k.get((account.name, k), 0))
            if record is None:
                found.append(GapFill(self.epoch, [Expired(account.name, k, NO_OID)]))
                continue
            target = next(target for target in record.order.targets if target.account == account.name and target.k == k)
            if is_too_late(record, target, {account.name: account}, now_ns):
                found.append(GapFill(self.epoch, [_expired(record, target, account)]))
            else:
                order = Order(self.epoch, record.order.n, record.order.oid, [target])
                found.append(Published(order, record.body, record.lines, record.deadline_ns))
        return found

    def lines_of(self, n: int) -> list[Line]:
        """The lines of a record that is still kept."""
        record = self._records.get(n)
        return record.lines if record else []


def ranked(drafts: list[Draft]) -> list[Draft]:
    """Closes before openings, first closes before second ones, else as they came: what every account gets in order."""
    if len(drafts) == 1 or all([draft.leg == drafts[0].leg for draft in drafts]):
        return drafts
    return sorted(drafts, key=lambda draft: (draft.action == OPEN, len(draft.leg), draft.leg))


_body_key = attrgetter("oid", "action", "side", "price_e8", "sl_distance_e8", "tp_distance_e8", "deviation_points")
"""Drafts, or lines, with equal keys share a record."""


def is_too_late(record: Published, target: Target, accounts: dict[str, Account], now_ns: int) -> bool:
    """Whether an opening may not go out again: past its deadline, or published for another life or store of that local."""
    if not record.deadline_ns:
        return False
    return now_ns >= record.deadline_ns or target.k <= accounts[target.account].stale_k


def _expired(record: Published, target: Target, account: Account) -> Expired:
    """What stands for an opening that may not go out again; another life's is ended by VOID, not by this."""
    return Expired(target.account, target.k, NO_OID if target.k <= account.stale_k else record.order.oid)


def target_of(record: LineRecord) -> Target:
    """A line's part of its order."""
    return Target(record.account, record.k, record.symbol, record.volume_e8, record.ref_oid, record.ref_ticket)


def body_of(record: LineRecord, decision: Decision, now_ns: int) -> OrderBody:
    """What all targets of a record share."""
    signal: Signal = decision.record.signal
    return OrderBody(
        sid=signal.sid,
        strategy=record.strategy,
        leg=record.leg,
        action=record.action,
        side=record.side,
        price_e8=record.price_e8,
        sl_distance_e8=record.sl_distance_e8,
        tp_distance_e8=record.tp_distance_e8,
        deviation_points=record.deviation_points,
        deadline_ns=record.deadline_ns,
        decided_market_ns=decision.record.market_ns,
        stamp_signal_ns=signal.stamp_ns,
        stamp_master_in_ns=decision.record.stamp_in_ns,
        stamp_master_out_ns=now_ns,
        reason=record.detail,
    )
