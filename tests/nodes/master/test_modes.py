"""Account modes at the master: what a signal becomes on an account that is only observed, or decides and sends nothing."""

import pytest

from mesh.config import parse
from mesh.messages.signals import CCI_DOWN
from mesh.units import E8
from tests.nodes.master.masterrig import STRATEGY, Rig, config_of
from tests.smallmesh import small_mesh

CLOSING = {"kind": CCI_DOWN, "level_e8": 100 * E8}


def rig_of(mode: str) -> Rig:
    """One account in a mode."""
    return Rig(config_of(1, account=f'mode = "{mode}"')).ready()


@pytest.mark.parametrize(("mode", "says"), [("shadow", "SHADOW"), ("observe", "OBSERVE account.mode=observe")])
def test_signal_sends_nothing_and_says_so(mode: str, says: str) -> None:
    """The line ends SKIPPED with its reason, the source is answered, and nothing goes out."""
    rig = rig_of(mode)
    rig.signal()
    assert rig.orders() == []
    assert rig.answers() == ["s1 ACCEPTED"]
    (line,) = rig.outcomes()
    assert line.startswith(f"a1 open SKIPPED {says}")


def test_shadow_tells_what_would_have_been_sent() -> None:
    """Side, lots and prices are those of the order that a demo account gets of the same signal."""
    shadow, demo = rig_of("shadow"), rig_of("demo")
    shadow.signal()
    demo.signal()
    (order,) = demo.orders()
    words = dict(word.split("=") for word in shadow.outcomes()[0].split() if "=" in word)
    body = order.body
    assert round(float(words["volume"]) * E8) == order.target.volume_e8
    assert round(float(words["price"]) * E8) == body.price_e8
    assert round(float(words["sl"]) * E8) == body.price_e8 - body.sl_distance_e8
    assert round(float(words["tp"]) * E8) == body.price_e8 + body.tp_distance_e8
    assert words["side"] == "BUY"


def test_shadow_decides_in_full() -> None:
    """What a rule denies is denied by its own word: SHADOW is said only of what would have gone out."""
    rig = rig_of("shadow")
    rig.state("a1", connected=False)
    rig.signal()
    (line,) = rig.outcomes()
    assert line.startswith("a1 open DENIED")


def test_shadow_is_skipped_on_its_own_account_alone() -> None:
    """Other targets of the same signal get their orders."""
    text = f'[mesh]\nid = "test"\n[fleet]\nloss_percent = "off"\n{STRATEGY}'
    rig = Rig(parse(small_mesh(text, {"a1": 'mode = "shadow"', "a2": ""}))).ready()
    rig.signal()
    assert [order.target.account for order in rig.orders()] == ["a2"]
    assert [line.split()[:4] for line in rig.outcomes()] == [["a1", "open", "SKIPPED", "SHADOW"]]


@pytest.mark.parametrize("mode", ["shadow", "observe"])
def test_what_is_held_is_closed_in_every_mode(mode: str) -> None:
    """An account whose mode was changed still gets the closes of what it holds."""
    demo = rig_of("demo")
    demo.signal()
    (opened,) = demo.orders()
    demo.fill(opened)
    demo.config = config_of(1, account=f'mode = "{mode}"')
    demo.boot()
    demo.welcome()
    demo.router_up()
    demo.signals_up()
    demo.local_up("a1")
    demo.settle()
    demo.outcomes()
    demo.signal(sid="s2", **CLOSING)
    assert [order.body.action for order in demo.orders()] == ["CLOSE"]
