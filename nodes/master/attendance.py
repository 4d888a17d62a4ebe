"""Which local speaks for which account: hellos, lists, grants, and what becomes of openings an older epoch sent.

An account is decided for once its local has said hello to this epoch, has listed what the master lacked, has sent a state
and has got a grant (DESIGN §6.8). An opening of an older epoch of which the local, having listed all, has told nothing is named to it
as void: only the local ends a line that it may have received. It tells the outcome it has stored, or stores EXPIRED; where its store
is another one than took the opening, or was rolled back since, it looks for it at the venue first.
"""

from mesh.core import Effect, Note, Send
from mesh.counters import Counters
from mesh.links import REPLAY
from mesh.messages.orders import OPEN, Grant, GrantAsk, Listed, LocalHello, LocalWelcome
from nodes.decisions import Line, LineRecord
from nodes.master.account import Account
from nodes.master.grants import GRANTED, Grants
from nodes.master.orderlog import OrderLog
from nodes.master.sealer import Sealer

ROLLBACK, NEW_STORE, HISTORY = "local_rolled_back", "local_store_changed", "local_has_history"


class Attendance:
    """Hellos and grants of one epoch."""

    def __init__(self, log: OrderLog, grants: Grants, counters: Counters, sealer: Sealer) -> None:
        self._sealer = sealer
        self._log = log
        self._grants = grants
        self._counters = counters

    def claim(self, account: Account, message: LocalHello, now_ns: int) -> str:
        """Whether a hello is that of the life that speaks for the account: GRANTED, else why not."""
        return self._grants.claim(account.name, (message.store_id, message.life), now_ns)

    def on_hello(self, account: Account, message: LocalHello, peer: int) -> tuple[list[Effect], Send, bool]:
        """What is to be noted, the answer, and whether that has to wait until the account is durable: its store is not what it was."""
        effects: list[Effect] = []
        was_rolled_back = account.is_rolled_back and account.life == message.life
        if account.life != message.life:
            account.take_life(message.life)
        changed = account.store_id != message.store_id
        if changed:
            if account.store_id:
                told = {"account": account.name, "before": account.store_id.hex(), "now": message.store_id.hex()}
                effects.append(Note("warning", NEW_STORE, told))
                account.distrust(self._log.epoch)
            account.take_store(message)
            if message.f:
                known = {"account": account.name, "f": message.f}
                effects.append(Note("warning", HISTORY, known | {"why": "this master knows nothing of these outcomes"}))
        account.look_for_rollback(message)
        if account.is_rolled_back and not was_rolled_back:
            account.distrust(self._log.epoch)
            changed = True
            known = {"account": account.name, "local_f": message.start_f, "known_f": account.durable_f}
            effects.append(Note("error", ROLLBACK, known | {"do": "restore its store, or give it a new one"}))
        account.is_known = True
        effects += self._sealer.meet(account, message)
        return effects, self.welcome(account, peer), changed

    def welcome(self, account: Account, peer: int) -> Send:
        """What a local has to know of us: it lists then what we lack."""
        welcome = LocalWelcome(
            account.name, self._log.epoch, account.durable_f, account.published_k, account.is_rolled_back, life=account.life
        )
        return Send(REPLAY, peer, self._sealer.welcome(account, welcome))

    def on_listed(self, account: Account, message: Listed) -> None:
        """The local has sent everything up to ``f``; it counts once that has all come."""
        if message.e == self._log.epoch and message.life == account.life:
            account.listed_f = message.f
            account.skipped = message.skipped

    def on_grant_ask(
        self, account: Account, message: GrantAsk, peer: int, now_ns: int, kill_digest: bytes
    ) -> tuple[list[Effect], str]:
        """Answer with a grant or its refusal; the refusal's code."""
        refused = self._grants.ask(account.name, (message.store_id, message.life), now_ns)
        if refused == GRANTED and account.life == message.life:
            account.is_granted = True
            self._counters.add("grant_count")
        grant = Grant(
            account=account.name,
            nonce=message.nonce,
            e=self._log.epoch,
            n_last=self._log.published_n,
            k_last=account.published_k,
            kill_digest=kill_digest,
            clock_ns=now_ns,
            relay_ns=0,
            refused=refused,
            n_floor=self._grants.floor_n(account.name, self._log.published_n) if refused == GRANTED else 0,
        )
        effects: list[Effect] = [Send(REPLAY, peer, self._sealer.grant(account, grant))]
        return effects, refused

    def outdate(self) -> None:
        """What was published so far is opened by nobody any more: the next grants say so."""
        self._grants.outdate()

    def void_lines(self, account: Account) -> list[Line]:
        """Openings of older epochs, or published for another life or store, of which the local has told nothing, though it has listed
        all it knew."""
        if account.missing_for_ready() == "listed":
            return []
        return [
            line
            for line in account.unseen.values()
            if line.record.action == OPEN and line.is_open and not line.heard and self._is_void(account, line.record)
        ]

    def _is_void(self, account: Account, record: LineRecord) -> bool:
        return record.e < self._log.epoch or 0 < record.k <= account.stale_k
