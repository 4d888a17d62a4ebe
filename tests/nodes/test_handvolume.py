"""A volume that a hand names is refused with what is allowed, never bent."""

import msgspec
import pytest

from mesh.units import E8, e8_from_text
from nodes.handvolume import objection_to_volume
from tests.nodes.local.fakevenue import SPEC


@pytest.mark.parametrize(
    ("volume", "most", "says"),
    [
        ("0.01", "0.1", ""),
        ("0.1", "0.1", ""),
        ("0.013", "0.1", "volume=0.013 allowed=0.01..0.1 step=0.01"),
        ("0.001", "0.1", "volume=0.001 allowed=0.01..0.1 step=0.01"),
        ("0.11", "0.1", "volume=0.11 allowed=0.01..0.1 step=0.01"),
        ("101", "500", "volume=101 allowed=0.01..100 step=0.01"),
        ("0.005", "0.005", ""),
    ],
)
def test_volume_is_on_step_between_least_and_most(volume: str, most: str, says: str) -> None:
    """All that there is may always go, whatever the step; the symbol's maximum holds."""
    assert objection_to_volume(SPEC, e8_from_text(volume), e8_from_text(most)) == says


def test_symbol_without_a_step_takes_any_volume_in_bounds() -> None:
    """Nothing is divided by a step of 0."""
    spec = msgspec.structs.replace(SPEC, volume_step_e8=0)
    assert objection_to_volume(spec, E8 // 77, E8) == ""
