"""A new real account opens nothing until a person has armed it; so does an old one with a new store."""

from mesh.messages.control import GENESIS, Entry
from tests.nodes.local.localrig import Rig, make_config


class Real(Rig):
    """A real account's local."""

    def __init__(self) -> None:
        super().__init__(make_config(account="mode = \"live\"\nterminal = \"C:/terminal64.exe\"\n"))
        self.ready()

    def genesis(self) -> list[tuple[bytes, Entry]]:
        """Stops an account begins with."""
        return [(key, entry) for key, entry in self.local()._state.ladder.stops.killset.live() if entry.reason.startswith(GENESIS)]


def test_real_account_begins_frozen_and_is_armed_once() -> None:
    """Its stop is its own entry; armed, it trades, also after a restart."""
    rig = Real()
    ((_, entry),) = rig.genesis()
    assert (entry.issuer, entry.scope, entry.level) == ("local-1", "account:one", "FREEZE")
    rig.open("a")
    rig.until(lambda: rig.master.codes() == ["KILLED"])
    rig.undo_all("tested")
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.run(3_000)
    assert rig.genesis() == []
    rig.open("b")
    rig.until(lambda: rig.master.codes() == ["KILLED", "FILLED"])


def test_restart_before_it_is_armed_stays_frozen_with_one_stop() -> None:
    """The entry is the same in every life of one store."""
    rig = Real()
    before = rig.genesis()
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.run(2_000)
    assert rig.genesis() == before


def test_demo_account_needs_no_arming() -> None:
    """It is not real."""
    rig = Rig().ready()
    assert rig.local()._state.ladder.is_clear
