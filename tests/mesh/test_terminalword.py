"""One word names a terminal, and one function says of which kind it is."""

import pytest

from mesh.terminalword import BROKER, REAL, SIMULATED, is_endpoint, kind_of


@pytest.mark.parametrize(
    ("terminal", "kind"),
    [
        ("sim", BROKER),
        ("sim.toml", SIMULATED),
        ("/srv/mesh/my sim.toml", SIMULATED),
        ("tcp://10.0.0.1:7415", SIMULATED),
        ("C:/MetaTrader 5/terminal64.exe", REAL),
        ("/opt/mt5/terminal64.exe", REAL),
        ("simulated", REAL),
        ("", REAL),
    ],
)
def test_kind_follows_from_the_word(terminal: str, kind: str) -> None:
    """This mesh's broker, a simulated server elsewhere, or a real terminal."""
    assert kind_of(terminal) == kind
    assert is_endpoint(terminal) == terminal.startswith("tcp")
