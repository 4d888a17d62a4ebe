"""Writes small files and reads them as feeds, for the tests of feeds."""

from pathlib import Path
from typing import Any

from mesh.units import MS_NS, SECOND_NS, text_from_e8
from nodes.io.feed import Feed, read_feed
from nodes.io.feedspec import parse_feed_spec

START_NS = 1_704_672_000 * SECOND_NS
"""2024-01-08 00:00 UTC, a Monday."""

TICK_HEADER = "time,bid,ask"
GOOD_TICKS = [f"2024-01-08T00:00:{second:02d}Z,1.1000{second % 10},1.1001{second % 10}" for second in range(10)]


class FeedMaker:
    """``make(text, "tz=UTC", name="EURUSD.csv", strict=True)`` writes a file into the folder and reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str, options: str = "", *, name: str = "EURUSD.csv", **keywords: Any) -> Feed:
        path = self.folder / name
        path.write_bytes(text.encode())
        spec = parse_feed_spec(f"{path},{options}" if options else str(path))
        return read_feed(spec, **keywords)


def quotes(feed: Feed) -> list[tuple[int, str, str]]:
    """(ms since START_NS, bid, ask) of each tick."""
    columns = feed.columns
    times_ms = ((columns.time_ns - START_NS) // MS_NS).tolist()
    bids, asks = ([text_from_e8(price_e8, 5) for price_e8 in side_e8.tolist()] for side_e8 in (columns.bid_e8, columns.ask_e8))
    return list(zip(times_ms, bids, asks, strict=True))
