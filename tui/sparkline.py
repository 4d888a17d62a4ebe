"""Values over time as a line of blocks, the newest at the right end; where nothing was told there is a blank."""

from collections.abc import Iterable, Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Exactly ``width`` cells from 0 to the greatest value; of several that share a cell the greatest is shown, so that no peak is lost.

    Fewer values than cells stand at the right. None: a blank.
    """
    if width <= 0:
        return ""
    count = max(len(values), width)
    padded = [None] * (count - len(values)) + list(values)
    cells = [_most(padded[cell * count // width : (cell + 1) * count // width]) for cell in range(width)]
    top = _most(cells) or 0
    return "".join(_block(value, top) for value in cells)


def timeline(samples: Iterable[tuple[int, float]], now_ns: int, span_ns: int, count: int) -> list[float | None]:
    """Samples (when, value) in ``count`` steps of the ``span_ns`` that ends now, the greatest of each step; None: there was none."""
    steps: list[float | None] = [None] * count
    for at_ns, value in samples:
        step = count - 1 - (now_ns - at_ns) * count // span_ns
        if 0 <= step < count:
            known = steps[step]
            steps[step] = value if known is None else max(known, value)
    return steps


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _block(value: float | None, top: float) -> str:
    if value is None:
        return " "
    return BLOCKS[0] if top <= 0 else BLOCKS[max(0, min(len(BLOCKS) - 1, round(value * (len(BLOCKS) - 1) / top)))]
