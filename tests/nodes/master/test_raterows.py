"""Keys of rows of rates: as they were written, until they are old."""

from nodes.master.raterows import RateRows


def test_rows_go_oldest_first_and_once() -> None:
    """Those as old as was said, under the keys they were given; after a restart the same ones go on from their keys."""
    rows, again = RateRows(), RateRows()
    keys = [rows.add(market_ns, 7 << 20, n) for n, market_ns in enumerate((10, 20, 20, 30))]
    assert keys == sorted(keys)
    assert keys[1] == b"00000000000000000020 00000000000007340032 00000000000000000001"
    for key in keys:
        again.restore(key)
    for each in (rows, again):
        assert (each.take_until(9), each.take_until(20), each.take_until(20), len(each)) == ([], keys[:3], [], 1)
        assert (each.take_until(30), each.take_until(10**18), len(each)) == (keys[3:], [], 0)
