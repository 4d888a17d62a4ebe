"""``FILE[,key=value...]`` as users type it."""

from decimal import Decimal
from pathlib import Path

import pytest

from mesh.errors import BadConfig
from nodes.io.feedspec import FeedSpec, parse_feed_spec, ppm_from_percent


def test_spec_reads_every_option() -> None:
    """Each key is read into its field."""
    spec = parse_feed_spec(
        "bid.csv.gz,symbol=GOLD.i#,tz=New York + 7 h,scale=1000,ask=ask.csv,digits=3,crossed=swap,timeframe=H4,jump=2.5%"
    )
    assert spec == FeedSpec(
        file="bid.csv.gz",
        symbol="GOLD.i#",
        tz="America/New_York + 7 h",
        scale=1_000,
        ask_file="ask.csv",
        digits=3,
        crossed="swap",
        timeframe="H4",
        jump_ppm=25_000,
    )


def test_spec_takes_the_symbol_from_the_file_name() -> None:
    """Without symbol= the name of the file says it, in folders of either system."""
    for text in ("EURUSD.csv", "/data/EURUSD_H1.csv", r"C:\GBPUSD data\EURUSD_M1.csv"):
        spec = parse_feed_spec(text)
        assert (spec.file, spec.symbol, spec.is_symbol_guessed) == (text, "EURUSD", True)


def test_comma_stays_in_a_name_that_has_one() -> None:
    """Only what looks like key= ends the file's name, or the value before it."""
    spec = parse_feed_spec(r"C:\a,b\EURUSD, all.csv , tz = UTC ,ask=c,d.csv,digits=5")
    assert (spec.file, spec.tz) == (r"C:\a,b\EURUSD, all.csv", "UTC")
    assert (spec.ask_file, spec.digits) == ("c,d.csv", 5)


@pytest.mark.parametrize(
    "text",
    [
        "EURUSD.csv",
        "a,b/EURUSD.csv,symbol=X,tz=America/New_York + 7 h,scale=10,ask=c.csv,digits=0,crossed=skip,timeframe=MN1,jump=0.5",
        "x.csv,symbol=X,jump=off",
    ],
)
def test_text_of_a_spec_reads_as_the_same_anywhere(text: str) -> None:
    """text() names absolute paths and every option, and reads back as what it says."""
    spec = parse_feed_spec(text)
    again = parse_feed_spec(spec.text())
    assert again.text() == spec.text()
    assert Path(again.file).is_absolute()
    assert again.ask_file is None or Path(again.ask_file).is_absolute()
    for field in ("symbol", "tz", "scale", "digits", "crossed", "timeframe", "jump_ppm"):
        assert getattr(again, field) == getattr(spec, field)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["names no file"]),
        (",symbol=EURUSD", ["names no file"]),
        ("prices.csv", ["prices.csv", "names no symbol", "symbol=EURUSD"]),
        ("EURUSD.csv,zone=UTC", ["'zone'", "symbol, tz, scale, ask, digits, crossed, timeframe, jump"]),
        ("EURUSD.csv,tz=UTC,tz=UTC", ["'tz'", "twice"]),
        ("EURUSD.csv,tz=Mars", ["tz=Mars", "not known", "IANA"]),
        ("EURUSD.csv,symbol=", ["symbol=", "letters"]),
        ("EURUSD.csv,symbol=EUR USD", ["symbol=EUR USD", "letters"]),
        ("EURUSD.csv,scale=0", ["scale=0", "from 1 to 100000000"]),
        ("EURUSD.csv,scale=1e3", ["scale=1e3", "whole number"]),
        ("EURUSD.csv,digits=9", ["digits=9", "from 0 to 8"]),
        ("EURUSD.csv,crossed=drop", ["crossed=drop", "keep, swap, skip"]),
        ("EURUSD.csv,timeframe=M7", ["timeframe=M7", "M1", "MN1"]),
        ("EURUSD.csv,ask=", ["ask=", "file"]),
        ("EURUSD.csv,jump=0", ["jump=0", "above 0"]),
        ("EURUSD.csv,jump=1001", ["jump=1001", "up to 1000"]),
        ("EURUSD.csv,jump=much", ["jump=much", "or off"]),
    ],
)
def test_wrong_spec_names_key_value_and_what_is_allowed(text: str, words: list[str]) -> None:
    """One error with everything the user needs to mend it."""
    with pytest.raises(BadConfig) as caught:
        parse_feed_spec(text)
    for word in words:
        assert word in str(caught.value)


def test_ppm_from_percent_is_exact() -> None:
    """A percentage becomes millionths without rounding, or is refused."""
    assert ppm_from_percent(Decimal("0.5")) == 5_000
    assert ppm_from_percent(Decimal(10)) == 100_000
    for percent in ("0", "-1", "NaN", "0.00001", "1000.1"):
        with pytest.raises(ValueError, match="percentage"):
            ppm_from_percent(Decimal(percent))
