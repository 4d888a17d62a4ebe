"""The equity stop of one account: the share of its deposits at which everything of ours is closed and nothing is opened."""

from decimal import Decimal

from mesh.units import text_from_e8
from nodes.local.accountbook import AccountBook
from nodes.local.manage import equity_floor_e8
from nodes.sizing import e8_of


class EquityStop:
    """Looks at the newest read of an account. ``percent`` None: there is no such stop."""

    def __init__(self, percent: Decimal | None, book: AccountBook) -> None:
        self._book = book
        self.configure(percent)

    def configure(self, percent: Decimal | None) -> None:
        """Act at this share from now on."""
        self._percent_e8 = None if percent is None else e8_of(percent)

    @property
    def is_set(self) -> bool:
        """Whether the account has one."""
        return self._percent_e8 is not None

    @property
    def floor_e8(self) -> int:
        """The equity at which it acts; 0: none, or the deposits are not known yet."""
        book = self._book
        if self._percent_e8 is None or not book.is_complete or book.deposit_e8 <= 0:
            return 0
        return equity_floor_e8(book.deposit_e8, self._percent_e8)

    @property
    def is_reached(self) -> bool:
        """Whether equity is at the floor or below."""
        read, floor_e8 = self._book.state, self.floor_e8
        return floor_e8 > 0 and read is not None and read.equity_e8 <= floor_e8

    def objection(self) -> str | None:
        """Why nothing may be opened; None where equity is above."""
        if self._percent_e8 is None:
            return None
        read = self._book.state
        if self._book.is_complete and self._book.deposit_e8 <= 0:
            # more was taken out than was put in: a share of that is no floor
            return f"EQUITY_STOP deposits={text_from_e8(self._book.deposit_e8, 2)} floor=none"
        if read is None or not self.is_reached:
            return None
        return f"EQUITY_STOP equity={text_from_e8(read.equity_e8, 2)} floor={text_from_e8(self.floor_e8, 2)}"
