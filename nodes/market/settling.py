"""Who must still be waited for before market time may go on: the words of the broker and of the master, held together.

The broker says whose books changed, who holds positions and whose calls wait for a later market time. The master says
whose state it still lacks and who has lines that are not terminal. An account that waits at the broker can only go on
when the market does, so it is at rest; everybody else named by the master is not.
"""

from mesh.messages.market import BrokerBlock, Settled
from mesh.units import NEVER


class Settling:
    """The newest words of broker and master, and what follows from them."""

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}
        """Account → the market time its call waits for."""
        self.floating: list[str] = []
        """Accounts with positions: their equity moves with the market."""
        self.managed: list[str] = []
        self.changed: dict[str, None] = {}
        """Accounts whose books changed and whose state has not been asked for since."""
        self.silent: dict[str, None] = {}
        """Accounts whose wait was given up; waited for again once they are heard."""
        self.broker: BrokerBlock | None = None
        self.master: Settled | None = None

    def on_broker(self, word: BrokerBlock, number: int) -> None:
        """Take the broker's word; of an older number only the changes still count."""
        for account in word.changed:
            self.changed[account] = None
        if word.number != number:
            return
        self.broker = word
        self.floating = word.floating
        self.waiting = {}
        for wait in word.waiting:
            self.waiting[wait.account] = min(wait.until_ns, self.waiting.get(wait.account, NEVER))

    def on_master(self, word: Settled, number: int) -> None:
        """Take the master's word on what was asked under ``number``; older words are over."""
        if word.number != number:
            return
        self.master = word
        self.managed = word.managed
        for account in list(self.silent):
            if account not in word.missing and account not in word.open:
                del self.silent[account]

    @property
    def is_idle(self) -> bool:
        """Whether the master named nobody at all."""
        return self.master is not None and not self.master.missing and not self.master.open

    def restless(self) -> list[str]:
        """Accounts the master named that neither wait at the broker nor were given up."""
        if self.master is None:
            return []
        named = dict.fromkeys((*self.master.missing, *self.master.open))
        return [account for account in named if account not in self.waiting and account not in self.silent]

    def give_up(self) -> list[str]:
        """Wait no longer for those that are restless; who they are."""
        accounts = self.restless()
        self.silent.update(dict.fromkeys(accounts))
        return accounts

    def until_ns(self) -> int:
        """The earliest market time a call at the broker waits for."""
        return min(self.waiting.values(), default=NEVER)
