"""READY of a local: its terminal was read, the master knows it, and what the master lacked was told. `mesh wait-ready` waits for it."""

from mesh.messages.base import Msg
from tests.nodes.local.localrig import Rig

LONG_MS = 5_000


def test_nobody_is_ready_whom_the_master_does_not_know() -> None:
    """However well its terminal answers; ready once the master has welcomed it and heard what it has."""
    rig = Rig()
    rig.master.answers = False
    rig.run(LONG_MS)
    assert (rig.local().phase(), rig.local().facts()["terminal"], rig.master.listed) == ("STARTING", "attached", [])
    rig.master.answers = True
    rig.ready()
    assert {listed.account for listed in rig.master.listed} == {"one", "two"}
    assert {state.account for state in rig.master.states} == {"one", "two"}


def test_nobody_is_ready_whose_terminal_was_not_read() -> None:
    """Welcome, listed, and blind: it waits for its first whole read."""
    rig = Rig()
    answer = rig.venue.handle

    def silent(message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        return []

    rig.venue.handle = silent  # type: ignore[method-assign]
    rig.run(LONG_MS)
    assert (rig.local().phase(), rig.local("two").phase()) == ("STARTING", "READY")
    assert "one" in {listed.account for listed in rig.master.listed}
    rig.venue.handle = answer  # type: ignore[method-assign]
    rig.net.restart("local-1")
    rig.ready()


def test_another_life_is_ready_only_after_all_of_it_anew() -> None:
    """Killed and started again: hello, LISTED and the first read are this life's own."""
    rig = Rig().ready()
    life, listed_count = rig.master.lives["one"], len(rig.master.listed)
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    assert rig.local().phase() == "STARTING"
    rig.ready()
    assert rig.master.lives["one"] != life
    assert {listed.life for listed in rig.master.listed[listed_count:]} == {rig.master.lives["one"]}
