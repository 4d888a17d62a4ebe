"""What an epoch taken does to what is under way, and to what is over."""

from mesh import links
from mesh.core import Envelope, Send
from mesh.messages.orders import LocalHello, LocalWelcome, RouterHeartbeat
from tests.nodes.local.localrig import Rig


def test_epoch_taken_changes_the_latch_word() -> None:
    """An open that was handed over under the last epoch and has not gone out comes back unsent."""
    rig = Rig().ready()
    before = rig.venue.latch_count
    rig.master.epoch += 5
    rig.until(lambda: rig.local()._state.stream.e == rig.master.epoch)
    rig.run(50)
    assert rig.venue.latch_count > before


def test_close_that_comes_again_after_its_ack_is_answered() -> None:
    """A new master sends closes again under their oid; one that ended long ago is told as it ended, and nothing is closed."""
    rig = Rig().ready()
    opened = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    closed = rig.close(opened)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    rig.run(1_000)
    sends = len(rig.venue.sends)
    rig.master.f["one"] = 1
    rig.master.outcomes.pop()
    rig.send("master-1", rig.master.order(closed, ["one"], rig.body("CLOSE", -1), 0, opened))
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert len(rig.venue.sends) == sends


def test_local_that_is_told_its_store_was_put_back_only_closes() -> None:
    """Though it has numbered on since: for good, and what it has to tell is told all the same."""
    rig = Rig().ready()
    opened = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    f, k = rig.master.f["one"], rig.master.k["one"]
    welcome = LocalWelcome("one", rig.master.epoch, f, k, is_rolled_back=True, life=rig.local()._state.life)
    rig.send("master-1", *(Send(links.REPLAY, peer, welcome) for peer in rig.master.peers))
    rig.run(200)
    listed = rig.master.listed[-1]
    assert listed.f == rig.master.f["one"]
    rig.open("b")
    rig.close(opened, "c")
    rig.until(lambda: sorted(rig.master.codes()) == ["CLOSED", "DENIED", "FILLED"])
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    rig.open("d")
    rig.until(lambda: rig.master.codes().count("DENIED") == 2)


def test_hello_names_the_newest_epoch_a_router_spoke_of() -> None:
    """A master that goes on though a later one was heard of learns of it by our hello, said at once and then at its pace: no storm."""
    rig = Rig().ready()
    local = rig.local("one")
    later_e = rig.master.epoch + 5
    beat = RouterHeartbeat("router-1", 1, later_e, 0, local._state.ladder.digest)

    def said() -> list[int]:
        effects = local.handle(Envelope(local._state.home_link, 0, beat), rig.net.now_ns)
        return [send.message.e for send in effects if isinstance(send, Send) and isinstance(send.message, LocalHello)]

    assert said() == [later_e]
    assert said() == []
    rig.run(1_000)
    assert rig.master.hellos[-1].e == later_e
    assert not local._home.is_welcomed
