"""Every answer of a terminal has one class, and whatever is not known is UNKNOWN."""

import pytest

from nodes.local import retcodes
from nodes.terminal import names

NAMED = {name: value for name, value in vars(names).items() if name.startswith("TRADE_RETCODE_")}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_code_of_the_package_is_in_the_table(name: str) -> None:
    """No retcode the package names is left to the default."""
    assert NAMED[name] in retcodes.CLASS_OF


@pytest.mark.parametrize(
    ("code", "class_"),
    [
        (10009, "ACCEPTED"), (10010, "PARTIAL"), (10025, "ACCEPTED"), (10004, "RETRY"), (10020, "RETRY"), (10021, "RETRY"),
        (10018, "BACKOFF"), (10024, "BACKOFF"), (10012, "UNKNOWN"), (10031, "UNKNOWN"), (10011, "UNKNOWN"), (0, "UNKNOWN"),
        (10036, "CHANGED"), (10038, "CHANGED"), (10016, "BUG"), (10030, "BUG"), (10046, "BUG"), (10019, "HALT"), (10027, "HALT"),
        (99_999, "UNKNOWN"), (-1, "UNKNOWN"),
    ],
)  # fmt: skip
def test_code_has_its_class(code: int, class_: str) -> None:
    """The classes are those of the facts about the terminal; an unheard-of code is UNKNOWN."""
    assert retcodes.class_of(code) == class_


@pytest.mark.parametrize(
    ("code", "class_"),
    [(-2, "BUG"), (-8, "HALT"), (-10004, "RETRY"), (-10001, "UNKNOWN"), (-10002, "UNKNOWN"), (-1, "UNKNOWN"), (1, "UNKNOWN")],
)
def test_none_is_unknown_unless_nothing_was_sent(code: int, class_: str) -> None:
    """``order_send`` that returned None: only what was refused before sending may be tried again or ended."""
    assert retcodes.error_class_of(code) == class_
