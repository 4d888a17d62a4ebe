"""Two nodes may work together where one runs the configuration that the other runs, or ran last."""

import pytest

from mesh.config import parse
from mesh.confighash import agree, lineage
from tests.smallmesh import small_mesh


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"),
    [
        ("b", "b", True),
        ("b a", "b", True),
        ("b a", "a", True),
        ("b", "c b", True),
        ("c b", "b a", True),
        ("c b", "a", False),
        ("c b", "d b", False),
        ("b", "", False),
        ("", "", False),
    ],
)
def test_current_and_previous_configuration_fit(ours: str, theirs: str, fits: bool) -> None:
    """Two changes apart is too far; what both ran before and neither runs now counts for nothing."""
    assert agree(ours, theirs) is fits
    assert agree(theirs, ours) is fits


def test_configuration_names_itself_and_what_its_host_ran_before() -> None:
    """The fingerprint stays what it is: it is the file's."""
    config = parse(small_mesh("", {"a1": ""}))
    assert config.lineage == config.fingerprint
    assert config.follows("0123456789abcdef").lineage == f"{config.fingerprint} 0123456789abcdef"
    assert lineage("f", "") == "f"
