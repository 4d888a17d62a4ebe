"""Files of market data, and what a market keeps of them for its next life."""

import gzip
import io
from functools import cache
from random import Random
from typing import Any

import numpy as np

from mesh.config import Config, parse
from mesh.errors import BadConfig, BadFeed
from nodes.io.feed import Feed, read_feed
from nodes.io.feedspec import parse_feed_spec
from nodes.io.recording import FILE, Recording, load_recording, read_recording
from tests.fuzz.mutations import bytes_mutated, headed, rows_mutated
from tests.fuzz.target import Target
from tests.fuzz.targets.scratch import scratch, written
from tests.smallmesh import small_mesh

SPECS = ("", ",tz=UTC", ",scale=100000", ",digits=3,crossed=swap", ",timeframe=M1,jump=off", ",crossed=skip,tz=New York + 7 h", ",ask={}")
"""Options of the feed: the first byte of an input chooses."""
MT5_TICKS = """<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>
2026.01.05\t00:00:00.123\t1.10001\t1.10014\t\t\t6
2026.01.05\t00:00:01.000\t1.10002\t\t\t\t2
2026.01.05\t00:00:02.000\t\t1.10015\t\t\t4
"""
MT5_BARS = """<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>
2026.01.05\t00:00:00\t1.10000\t1.10010\t1.09990\t1.10005\t12\t0\t5
2026.01.05\t00:01:00\t1.10005\t1.10015\t1.10000\t1.10010\t12\t0\t6
2026.01.05\t00:02:00\t1.10010\t1.10020\t1.10005\t1.10015\t12\t0\t5
"""
CSV_TICKS = "time,bid,ask\n" + "".join(f"2026-01-05T00:00:{second:02d}Z,1.1000{second % 10},1.1001{second % 10}\n" for second in range(12))
CSV_BARS = "timestamp;open;high;low;close\n" + "".join(f"{1_767_571_200 + 60 * at};1,1;1,2;1,0;1,1\n" for at in range(5))
HISTDATA_TICKS = "20260105 000000123,1.100010,1.100140,0\n20260105 000001000,1.100020,1.100150,0\n"
HISTDATA_BARS = "20260105 000000;1.1;1.2;1.0;1.1;0\n20260105 000100;1.1;1.2;1.0;1.1;0\n20260105 000200;1.1;1.2;1.0;1.1;0\n"
TEXTS = (MT5_TICKS, MT5_BARS, CSV_TICKS, CSV_BARS, HISTDATA_TICKS, HISTDATA_BARS)
COLUMNS = ("symbol_index", "time_ns", "bid_e8", "ask_e8")


def feeds() -> list[bytes]:
    """Every layout, as text, as UTF-16 and packed."""
    texts = [bytes((at % len(SPECS),)) + text.encode() for at, text in enumerate(TEXTS)]
    return [*texts, b"\0" + MT5_TICKS.encode("utf-16"), b"\1" + gzip.compress(CSV_TICKS.encode(), mtime=0), b"\6" + CSV_BARS.encode()]


def read_file(raw: bytes) -> Feed:
    """Ticks in order of time, at prices above nothing."""
    ask = written("feed", "ask.csv", CSV_BARS.encode())
    path = written("feed", "EURUSD.csv", raw[1:])
    feed = read_feed(parse_feed_spec(str(path) + SPECS[raw[0] % len(SPECS) if raw else 0].format(ask)))
    columns = feed.columns
    assert len(columns)
    assert (np.diff(columns.time_ns) >= 0).all(), "out of order"
    assert (columns.bid_e8 > 0).all()
    assert (columns.ask_e8 > 0).all()
    assert feed.end_ns >= int(columns.time_ns[-1])
    return feed


@cache
def _played() -> tuple[Config, Recording]:
    path = written("recording", "EURUSD.csv", CSV_TICKS.encode())
    config = parse(small_mesh(f'[market]\nfeeds = ["{path}"]\n[strategy.reversion]'))
    return config, read_recording(config)


@cache
def recordings() -> list[bytes]:
    """What a market keeps, and the same packed."""
    _, recording = _played()
    recording.save(scratch("recording"))
    plain = (scratch("recording") / FILE).read_bytes()
    packed = io.BytesIO()
    with np.load(io.BytesIO(plain)) as kept:
        np.savez_compressed(packed, **{name: kept[name] for name in kept.files})
    return [plain, packed.getvalue()]


def read_kept(raw: bytes) -> Recording:
    """The recording as it was, read anew from the feed where what is kept is not that."""
    config, recording = _played()
    written("recording", FILE, raw)
    found = load_recording(config, scratch("recording"))
    assert found.about == recording.about
    for name in COLUMNS:
        assert np.array_equal(getattr(found.columns, name), getattr(recording.columns, name)), f"another {name}"
    return found


def kept_mutated(raw: bytes, draw: Random) -> bytes:
    """Bytes of it changed; or a whole one, with one of its columns taken out or of another kind."""
    if draw.random() < 0.7:
        return bytes_mutated(raw, draw)
    with np.load(io.BytesIO(recordings()[0])) as kept:
        arrays: dict[str, Any] = {name: kept[name] for name in kept.files}
    name = draw.choice(sorted(arrays))
    if draw.random() < 0.4:
        del arrays[name]
    else:
        arrays[name] = draw.choice((np.array(5), np.array(["x"]), arrays[name][:-1], np.zeros((2, 2)), np.array([], dtype=np.uint8)))
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


TARGETS = (
    Target("feed", (BadFeed, BadConfig), feeds, read_file, headed(rows_mutated, len(SPECS)), 100),
    Target("recording", (), recordings, read_kept, kept_mutated, 250),
)
