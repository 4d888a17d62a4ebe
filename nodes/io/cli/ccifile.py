"""``mesh cci FILE``: the indicator's own candles and CCI over a file, without any mesh."""

import csv
import sys
from pathlib import Path

from mesh.config import parse
from mesh.errors import BadFeed, BadUsage
from mesh.texts import iso_from_ns
from mesh.units import text_from_e8
from nodes.candles import Bar, CandleBuilder, CciStream
from nodes.io.cli.plaintext import say
from nodes.io.feed import Feed, read_feed
from nodes.io.feedspec import parse_feed_spec
from nodes.io.locate import demo_text
from nodes.timeframes import TIMEFRAMES, length_ns
from nodes.zones import Zone


def bars_of(feed: Feed, timeframe: str, zone: Zone) -> list[Bar]:
    """The feed's bars in a timeframe; the last one of a bar file is closed by the file's end, an unfinished one is left out."""
    builder = CandleBuilder(feed.symbol, timeframe, zone)
    columns = feed.columns
    bars = [bar for _, bar in builder.push_ticks(columns.time_ns, columns.bid_e8, columns.ask_e8)]
    last = builder.close_due(feed.end_ns, 0)
    return [*bars, last] if last is not None else bars


def print_cci(file: str, period: int, timeframe: str, as_csv: bool) -> int:
    """Print time, open, high, low, close and CCI of every bar; what was guessed goes to stderr."""
    if "," not in file and not Path(file).exists():
        raise BadFeed(f"{file}: no such file")  # said before its name is asked for a symbol, which a misspelt one may not have
    feed = read_feed(parse_feed_spec(file))
    own = feed.timeframe if feed.timeframe in TIMEFRAMES else "M1"
    wanted = own if timeframe == "feed" else timeframe
    if wanted not in TIMEFRAMES:
        raise BadUsage(f"--timeframe {timeframe}: feed, or one of {', '.join(TIMEFRAMES)} is allowed")
    if length_ns(wanted) < length_ns(own):
        raise BadUsage(f"--timeframe {timeframe}: the file has {own} bars, shorter ones cannot be made from them")
    for line in (*feed.guesses, *feed.problems.lines()):
        say(line, sys.stderr)
    zone = Zone.parse(parse(demo_text()).settings.broker.zone)
    bars = bars_of(feed, wanted, zone)
    stream = CciStream(period)
    writer = csv.writer(sys.stdout, lineterminator="\n") if as_csv else None
    heading = ["time", "open", "high", "low", "close", "cci"]
    if writer is not None:
        writer.writerow(heading)
    else:
        say(f"{feed.symbol} {wanted}, CCI({period}), {len(bars)} bars, bars aligned in {zone.name}")
        say("  ".join(f"{word:>20}" for word in heading))
    for bar in bars:
        value = stream.push(bar)
        prices = [text_from_e8(price_e8, feed.digits) for price_e8 in (bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8)]
        row = [iso_from_ns(bar.start_ns)[:19] + "Z", *prices, "" if value is None else (repr(value) if as_csv else f"{value:.4f}")]
        if writer is not None:
            writer.writerow(row)
        else:
            say("  ".join(f"{word:>20}" for word in row))
    return 0
