"""The base of a file's sections: unknown keys are refused, decimals exact and within bounds; and the kinds of values they have."""

from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, dataclass_transform, get_args, get_type_hints

import msgspec
from msgspec import Meta

Timeframe = Literal[
    "M1", "M2", "M3", "M4", "M5", "M6", "M10", "M12", "M15", "M20", "M30",
    "H1", "H2", "H3", "H4", "H6", "H8", "H12", "D1", "W1", "MN1",
]  # fmt: skip
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.#-]{0,31}$", description="names of 32 letters, digits and _ . # - at most")]
"""A ``description`` is what errors say is allowed, where a pattern would not tell it to people."""
SymbolName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.#&+-]{0,31}$", description="names of 32 letters, digits and _ . # & + - at most")
]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="three capital letters, such as USD")]
AMOUNT_MAX = 90_000_000_000
"""With eight decimals it still fits in 64 bits."""
Positive = Annotated[Decimal, Meta(extra={"above": 0, "most": AMOUNT_MAX})]
"""msgspec has no bounds for Decimal; Section checks these."""
NotNegative = Annotated[Decimal, Meta(extra={"least": 0, "most": AMOUNT_MAX})]
Multiple = Annotated[Decimal, Meta(extra={"least": 0, "most": 1_000})]
"""Of an ATR: a distance of more is no distance."""
Pace = Annotated[Decimal, Meta(extra={"above": 0, "most": AMOUNT_MAX, "none": "max"})]
"""``none`` is the word for None in the file, where it is not "off"."""
Rail = Positive | None
"""A limit above 0, or None: switched off on purpose (``"off"`` in the file)."""
CountRail = Annotated[int, Meta(ge=1, le=1_000_000)] | None
Ms = Annotated[int, Meta(ge=1, le=86_400_000)]
Port = Annotated[int, Meta(ge=1024, le=65_500)]
Cpu = Annotated[int, Meta(ge=0, le=1_023)]
"""A processor's number, as the system counts them."""
TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description='"00:00" to "23:59"')]
Points = Annotated[int, Meta(ge=0, le=1_000_000)]
Period = Annotated[int, Meta(ge=2, le=1_000)]
Percent = Annotated[Decimal, Meta(extra={"above": 0, "most": 100})]


# See mesh.messages.base.Msg for why.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: unknown keys are refused, bounds of decimals checked."""

    def __post_init__(self) -> None:
        for name, bounds in _decimal_bounds(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, Decimal):
                _check_bounds(name, value, bounds)


@cache
def _decimal_bounds(section: type[Section]) -> dict[str, dict[str, Any]]:
    """Field name → the bounds its annotation carries."""
    found: dict[str, dict[str, Any]] = {}
    for name, hint in get_type_hints(section, include_extras=True).items():
        for part in (hint, *get_args(hint)):
            for note in getattr(part, "__metadata__", ()):
                if isinstance(note, Meta) and note.extra:
                    found[name] = dict(note.extra)
    return found


def _check_bounds(name: str, value: Decimal, bounds: dict[str, Any]) -> None:
    """Raises ValueError (msgspec adds the path) for a decimal out of its bounds."""
    if not value.is_finite():
        raise ValueError(f"{name} = {value}: a finite number is expected")
    if "above" in bounds and value <= bounds["above"]:
        raise ValueError(f"{name} = {value}: more than {bounds['above']} is allowed")
    if "least" in bounds and value < bounds["least"]:
        raise ValueError(f"{name} = {value}: {bounds['least']} or more is allowed")
    if value > bounds["most"]:
        raise ValueError(f"{name} = {value}: at most {bounds['most']} is allowed")
