"""A bounded table keeps what was put last."""

from mesh.bounded import keep


def test_oldest_is_forgotten_past_the_bound() -> None:
    """Of three in a table for two the first put goes."""
    table: dict[str, int] = {}
    for number, key in enumerate("abc"):
        keep(table, key, number, 2)
    assert table == {"b": 1, "c": 2}


def test_put_again_is_the_newest() -> None:
    """A key put again takes its new value and the last place, and pushes nobody out."""
    table = {"a": 1, "b": 2}
    keep(table, "a", 3, 2)
    assert list(table.items()) == [("b", 2), ("a", 3)]
