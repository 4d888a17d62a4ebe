"""What a market data file does not say: the clock it was written by, the scale of its prices, their digits.

Each guess is returned with a line of text for the user, who may say otherwise.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mesh.units import E8, text_from_e8
from nodes.contracts import Contract
from nodes.feeds.checks import Int64s
from nodes.feeds.layout import Style
from nodes.feeds.numbers import decimals_of

ZONES: dict[Style, tuple[str, str]] = {
    # HistData says "EST without daylight saving"; its files of 2018 follow New York's clock with daylight saving: every
    # Sunday opens at 17:00, in winter and in summer.
    "histdata": ("America/New_York", "as HistData's files are, with daylight saving"),
    # The week of such a server runs from Monday 00:00 to Friday 24:00.
    "mt5": ("New York + 7 h", "the commonest clock of MetaTrader servers"),
    "csv": ("UTC", "nothing in the file says otherwise"),
}
"""Where the clock of a file without offsets most likely stands, and why."""

_TYPICAL_FACTOR = 3
"""A scaled price within this factor of the typical one tells the scale; decades are further apart than its square."""

_RARE_ONE_IN = 1_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the prices of a feed become prices in units, on the grid of its digits."""

    scale: int
    """Points in one unit; 1 where prices are written in units."""
    digits: int
    guesses: tuple[str, ...]

    def prices_e8(self, raw_e8: Int64s) -> Int64s:
        """Prices as read, divided by the scale and rounded to the digits (halves up); 0 stays 0."""
        return _rounded(_scaled(raw_e8, self.scale), self.digits)


def settled(raw_e8: Int64s, contract: Contract | None, scale: int | None, digits: int | None) -> Settlement:
    """Scale and digits as the user said them, else as the prices and the contract suggest."""
    guesses: list[str] = []
    if scale is None:
        scale, guess = _guessed_scale(raw_e8, contract)
        guesses += [guess] if guess else []
    if digits is None:
        digits, guess = _guessed_digits(_scaled(raw_e8, scale), contract)
        guesses += [guess] if guess else []
    return Settlement(scale, digits, tuple(guesses))


def _scaled(raw_e8: Int64s, scale: int) -> Int64s:
    return raw_e8 if scale == 1 else (raw_e8 + scale // 2) // scale


def _rounded(price_e8: Int64s, digits: int) -> Int64s:
    step: int = 10 ** (8 - digits)
    return (price_e8 + step // 2) // step * step


def _is_rare(is_odd: npt.NDArray[np.bool_]) -> bool:
    """Whether so few prices are odd that they say nothing of the file: a few bad rows must not change its reading."""
    return bool(np.count_nonzero(is_odd) * _RARE_ONE_IN <= is_odd.size)


def _guessed_scale(raw_e8: Int64s, contract: Contract | None) -> tuple[int, str]:
    """A scale is looked for only where prices are whole numbers."""
    if not _is_rare(raw_e8 % E8 != 0):
        return 1, ""
    if contract is None or not contract.typical_price_e8:
        return 1, "all prices are whole numbers and taken as they are; scale= says how many points make one"
    there_e8 = np.sort(raw_e8[raw_e8 > 0])  # an empty cell is 0
    if not len(there_e8):
        return 1, ""
    middle_e8 = int(there_e8[len(there_e8) // 2])
    lowest_e8 = contract.typical_price_e8 // _TYPICAL_FACTOR
    highest_e8 = contract.typical_price_e8 * _TYPICAL_FACTOR
    for decimals in (0, contract.digits, contract.digits + 1, contract.digits - 1):
        scale: int = 10**decimals
        if lowest_e8 <= middle_e8 // scale <= highest_e8:
            if scale == 1:
                return 1, ""
            shown = f"{text_from_e8(middle_e8, 0)} is {text_from_e8(middle_e8 // scale, decimals)}"
            return scale, f"prices are whole points, scale {scale} ({shown}); scale= says another"
    return 1, f"all prices are whole numbers, none near {contract.known_as}'s; taken as they are, scale= says otherwise"


def _guessed_digits(price_e8: Int64s, contract: Contract | None) -> tuple[int, str]:
    """The contract's digits, or one more when the rows use it; more than that is the noise of printed floats."""
    if contract is not None and _is_rare(price_e8 % contract.point_e8 != 0):
        return contract.digits, ""
    used = decimals_of(price_e8)
    if contract is None:
        return used, f"{used} digits, as many as the rows use; digits= says another"
    if used == contract.digits + 1:
        return used, f"{used} digits, as the rows use; {contract.known_as} commonly has {contract.digits}"
    return contract.digits, (
        f"prices rounded to {contract.digits} digits, as {contract.known_as} commonly has; the rows use up to {used}, digits= keeps more"
    )
