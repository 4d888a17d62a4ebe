"""Orders on a demo account of one's own, through the adapter and its worker as a local has them: what its broker takes, and what we add.

The smallest lot of one symbol is bought and closed again, one after the other, ``APART_S`` apart. Only on an account that is a demo by the
configuration **and** by what its terminal says, and only where no local holds the account's lock. A close that is refused is tried again;
what is left open then is named, ticket and all.
"""

import select
import time
from pathlib import Path

from mesh.accountmode import DEMO
from mesh.config import Config
from mesh.ids import magic_of
from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueAttached, VenueLatch, VenueLost, VenueResult, VenueSend
from nodes.io.worker import WorkerAttachment

APART_S = 0.25
"""Brokers refuse who sends too many requests."""
CLOSE_TRIES = 5
CLOSE_WAIT_S = 1.0
ANSWER_S = 60.0
"""A call that takes longer has no known result."""
DEVIATION_POINTS = 50
ACCEPTED = "ACCEPTED"
COMMENT = "mesh bench"
"""No mark of an order of ours: the mesh counts such a position as somebody else's."""


class OwnAccount:
    """One demo account of a configuration. Raises ValueError for one it must not trade on, RuntimeError where it cannot be traded on.

    ``state``: the state directory of the mesh that trades it, for its locks.
    """

    def __init__(self, config: Config, account: str, state: Path) -> None:
        if account not in config.account:
            raise ValueError(f"--account {account}: no account of this configuration; there are {', '.join(config.account)}")
        mode = config.account[account].mode
        if mode != DEMO:
            raise ValueError(f"--account {account}: account.{account}.mode = {mode!r}; orders are measured on demo accounts alone")
        self._account = account
        self._calls = 0
        self._worker = WorkerAttachment(account, config, state)
        self._worker.started()
        self._worker.send(VenueLatch(0))
        try:
            self._attached = self._attach()
        except (RuntimeError, ValueError):
            self.close()
            raise

    def _attach(self) -> VenueAttached:
        attached = self._ask(VenueAttach(self._account))
        if not isinstance(attached, VenueAttached):
            raise RuntimeError(f"account {self._account}: {attached}")
        if attached.refused:
            raise RuntimeError(f"account {self._account}: {attached.refused}")
        if not attached.demo:
            raise ValueError(f"account {self._account}: login {attached.login} at {attached.server} is no demo account; nothing was sent")
        return attached

    @property
    def told(self) -> str:
        """Who it is, for people."""
        attached = self._attached
        return f"demo account {self._account} (login {attached.login} at {attached.server})"

    @property
    def first_symbol(self) -> str:
        """The first symbol it trades. Raises RuntimeError where it trades none."""
        if not self._attached.symbols:
            raise RuntimeError(f"account {self._account} trades no symbol of this configuration")
        return self._attached.symbols[0].symbol

    def pair_ns(self, symbol: str) -> list[tuple[int, int]]:
        """Buy the smallest lot and close it: for each of the two (whole, inside ``order_send``) in ns."""
        spec = next((spec for spec in self._attached.symbols if spec.symbol == symbol), None)
        if spec is None:
            names = ", ".join(spec.symbol for spec in self._attached.symbols)
            raise ValueError(f"--symbol {symbol}: account {self._account} does not trade it; it trades {names or 'nothing'}")
        opened, open_ns = self._order("OPEN", symbol, 1, spec.volume_min_e8, 0)
        if opened.class_ != ACCEPTED:
            raise RuntimeError(f"the order was not executed: {opened.class_} {opened.detail}")
        close_ns = self._closed(symbol, spec.volume_min_e8, opened.position_ticket)
        return [open_ns, close_ns]

    def _closed(self, symbol: str, volume_e8: int, ticket: int) -> tuple[int, int]:
        """Close a position for certain, or raise with its ticket."""
        why = ""
        for _ in range(CLOSE_TRIES):
            try:
                result, took_ns = self._order("CLOSE", symbol, -1, volume_e8, ticket)
            except RuntimeError as error:
                why = str(error)
                break
            if result.class_ == ACCEPTED:
                return took_ns
            why = f"{result.class_} {result.detail}"
            time.sleep(CLOSE_WAIT_S)
        raise RuntimeError(f"position {ticket} of {symbol} on {self.told} may still be open: close it by hand ({why})")

    def _order(self, action: str, symbol: str, side: int, volume_e8: int, ticket: int) -> tuple[VenueResult, tuple[int, int]]:
        self._calls += 1
        oid = time.time_ns().to_bytes(16, "big")
        magic = magic_of(oid, self._account, 1)
        send = VenueSend(
            self._calls, oid, 1, magic, action, symbol, side, volume_e8, ticket, 0, 0, 0, 0, DEVIATION_POINTS, 0, 0, 0, 0, 0, COMMENT
        )
        began_ns = time.perf_counter_ns()
        result = self._ask(send)
        whole_ns = time.perf_counter_ns() - began_ns
        if not isinstance(result, VenueResult):
            raise RuntimeError(f"{action} {symbol}: the worker went away, its result is unknown ({result})")
        return result, (whole_ns, result.answered_ns - result.called_ns)

    def _ask(self, message: Msg) -> Msg:
        self._worker.send(message)
        give_up_s = time.monotonic() + ANSWER_S
        while (left_s := give_up_s - time.monotonic()) > 0:
            if self._worker.fileno() >= 0:
                select.select([self._worker.fileno()], [], [], min(left_s, 1.0))
            for answer in self._worker.receive():
                return answer
        return VenueLost(f"no answer within {ANSWER_S:g} s")

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
