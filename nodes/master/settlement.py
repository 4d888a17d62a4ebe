"""The master's answer to the market: whose state after a block is missing, and who has lines that have not ended.

The market asks with ``Settle``; each question has a number of its own. A state counts when it was asked for under that
number and every outcome it includes has come. In the first ``START_WAIT_NS`` an asked account is missing as well while its
local is not ready (hello, list, grant): the first signals of a run are decided for all. Later an account whose local never
came is not waited for: its openings are denied.
"""

from mesh.messages.market import Settled
from mesh.units import SECOND_NS
from nodes.ledger import Ledger
from nodes.master.account import Account

START_WAIT_NS = 15 * SECOND_NS


class Settlement:
    """The newest question of the market."""

    def __init__(self, accounts: dict[str, Account], ledger: Ledger) -> None:
        self.number = 0
        """Of the question; 0: none yet."""
        self.start_until_ns = 0
        self._accounts = accounts
        self._ledger = ledger
        self._asked: list[str] = []
        self._told: Settled | None = None
        self._open: set[str] = set()
        """Who had lines that have not ended when that was told."""

    def ask(self, number: int, names: list[str]) -> None:
        """The market asks for the states of ``names`` under ``number``; an older question is passed over."""
        if number < self.number:
            return
        self.number = number
        self._told = None
        self._asked = [name for name in self._accounts if name in names]

    def missing(self, now_ns: int) -> list[str]:
        """Asked accounts whose state has not come, in the order of the configuration; who has come stays so."""
        if self._asked:
            self._asked = [name for name in self._asked if self._is_missing(self._accounts[name], now_ns)]
        return self._asked

    def _is_missing(self, account: Account, now_ns: int) -> bool:
        is_starting = now_ns < self.start_until_ns
        if account.missing_for_ready() and is_starting:
            return True
        if not account.is_known and not is_starting:
            return False
        state = account.settled
        return state is None or state.block < self.number or account.f < state.f

    def news(self, now_ns: int, account: Account | None = None) -> Settled | None:
        """What to tell the market, None where it has been told already or has not asked.

        ``account``: whose state has come, where of no other account one has come or gone; None: look at all. A state comes 2,000 times a
        second, and changes next to never what is told.
        """
        if not self.number:
            return None
        missing, open_counts, told = self.missing(now_ns), self._ledger.open_counts, self._told
        if (
            account is not None
            and told is not None
            and account.is_managed == (account.name in told.managed)
            and open_counts.keys() == self._open
            and missing == told.missing
        ):
            return None
        self._open = set(open_counts)
        has_open = [name for name in self._accounts if name in open_counts]
        managed = [name for name, other in self._accounts.items() if other.is_managed]
        self._told = Settled(self.number, missing, has_open, managed)
        return None if told == self._told else self._told
