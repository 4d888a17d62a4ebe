"""Identities are hashes of what they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.ids import comment_of, draw_of, magic_of, oid_of

WORDS = ("demo", "run-1", "cci-1", "cci-1/EURUSD/M1/1767600000/cci_up/14/100", "reversion", "open")


def test_oid_is_frozen() -> None:
    """The order id of given words never changes: another release must still know the orders of this one."""
    assert oid_of(*WORDS).hex() == "ab32dc3625226d06234ca6fe896bc677"


def test_oid_depends_on_each_word() -> None:
    """Changing any one of its six words gives another order."""
    oids = {oid_of(*WORDS)}
    for index in range(len(WORDS)):
        changed = list(WORDS)
        changed[index] += "x"
        oids.add(oid_of(*changed))
    assert len(oids) == len(WORDS) + 1


def test_oid_keeps_word_borders() -> None:
    """Letters that move from one word to the next make another order."""
    assert oid_of("ab", "c", "", "", "", "") != oid_of("a", "bc", "", "", "", "")


def test_magic_is_frozen() -> None:
    """The magic of an attempt never changes: after a restart it is what reconciliation looks for."""
    assert magic_of(bytes(16), "demo-1", 1) == 4528313334020932319
    assert len({magic_of(bytes(16), account, attempt) for account in "abc" for attempt in range(4)}) == 12


@given(st.binary(min_size=16, max_size=16), st.text(max_size=32), st.integers(0, 1_000))
def test_magic_fits_metatrader(oid: bytes, account: str, attempt: int) -> None:
    """A magic is positive and fits a signed 64-bit integer; 0 means a hand's order."""
    assert 0 < magic_of(oid, account, attempt) < 2**63


@given(st.binary(min_size=16, max_size=16), st.integers(0, 999))
def test_comment_fits_metatrader(oid: bytes, attempt: int) -> None:
    """The comment is at most 26 characters and holds the attempt and the beginning of the order id."""
    comment = comment_of(oid, attempt)
    assert len(comment) <= 26
    assert comment == f"tm{oid[:8].hex()}.{attempt}"


def test_draw_depends_on_everything() -> None:
    """A draw is the same for the same words, and another for another seed, order, attempt or purpose."""
    base = (7, bytes(16), 1, "latency")
    others = [(8, *base[1:]), (7, bytes(15) + b"\1", *base[2:]), (7, bytes(16), 2, "latency"), (*base[:3], "slippage")]
    assert draw_of(*base) == draw_of(*base)
    assert len({draw_of(*words) for words in (base, *others)}) == 5


def test_draws_spread() -> None:
    """A thousand draws fill ten equal ranges about evenly."""
    tenths = [0] * 10
    for attempt in range(1_000):
        tenths[draw_of(1, bytes(16), attempt, "latency") * 10 >> 64] += 1
    assert min(tenths) > 60
    assert max(tenths) < 140
