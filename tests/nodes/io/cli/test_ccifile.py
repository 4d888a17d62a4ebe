"""``mesh cci``: what is wrong with the file or with a word is told by its own exit code."""

from pathlib import Path

import pytest

from mesh.errors import BadFeed, BadUsage
from nodes.io.cli.ccifile import print_cci


@pytest.mark.parametrize("name", ["nofile", "nofile,symbol=EURUSD", "EURUSD_M1.csv"])
def test_missing_file_is_bad_data_and_named(tmp_path: Path, name: str) -> None:
    """Also where its name names no symbol: that does not matter yet."""
    with pytest.raises(BadFeed, match="no such file") as raised:
        print_cci(str(tmp_path / name), 14, "feed", as_csv=False)
    assert name.split(",")[0] in str(raised.value)
    assert raised.value.exit_code == 65


def test_wrong_timeframe_is_wrong_usage(tmp_path: Path) -> None:
    """It was typed: 2, and what is allowed."""
    path = tmp_path / "EURUSD.csv"
    rows = [f"2026-01-05 00:0{minute}:00,1.1,1.2,1.0,1.1" for minute in range(3)]
    path.write_text("\n".join(["time,open,high,low,close", *rows]) + "\n", encoding="ascii")
    with pytest.raises(BadUsage, match=r"--timeframe M7: .*H1") as raised:
        print_cci(str(path), 14, "M7", as_csv=False)
    assert raised.value.exit_code == 2
