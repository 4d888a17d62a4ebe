"""Account modes at the last hop: whatever a master says, an account that is only watched opens nothing, and closes what it has."""

import pytest

from mesh.accountmode import mismatch
from tests.nodes.local.localrig import Rig, make_config


@pytest.mark.parametrize("mode", ["observe", "shadow"])
def test_order_for_an_account_that_opens_nothing_is_denied(mode: str) -> None:
    """The local has the same file and judges for itself."""
    rig = Rig(make_config(account=f'mode = "{mode}"\n')).ready()
    rig.open()
    rig.until(lambda: bool(rig.master.outcomes))
    assert [(outcome.code, outcome.detail) for outcome in rig.master.outcomes] == [("DENIED", f"MODE at=local mode={mode}")]
    assert rig.venue.sends == []


@pytest.mark.parametrize(
    ("mode", "is_real", "says"),
    [
        ("demo", False, ""),
        ("demo", True, "account=real configured=demo"),
        ("live", True, ""),
        ("live", False, "account=demo configured=live"),
        ("shadow", True, ""),
        ("shadow", False, ""),
        ("observe", True, ""),
    ],
)
def test_terminal_has_to_be_what_the_mode_says(mode: str, is_real: bool, says: str) -> None:
    """Real money is traded only where live was written out; what is only watched may be anything."""
    assert mismatch(mode, is_real) == says
