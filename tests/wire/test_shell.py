"""The shell on real sockets: order, time, stopping, and failing."""

import gc
import os
import signal
import sys
from itertools import chain, repeat
from typing import Any

import pytest

from mesh import links
from mesh.codec import encode
from mesh.core import (
    NOTHING,
    Effects,
    Envelope,
    Halt,
    HostStop,
    LinkUp,
    Send,
    Stop,
    WallStep,
)
from mesh.io import shell as shell_module
from mesh.io.clock import monotonic_ns
from mesh.io.hub import Hub
from mesh.io.inlet import BATCH_COUNT
from mesh.io.shell import Shell
from mesh.io.watchdog import Watchdog
from mesh.messages.control import Ping, Pong
from mesh.messages.orders import Order
from mesh.units import MS_NS, NEVER, SECOND_NS
from tests.message_values import sample_of
from tests.wire.rig import DONE, Told, asker, bind, echo, fill, names_of, node_of, pair, ping_of, quietly, run, running, until

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("idle", ["wait", "yield", "spin"])
def test_messages_go_there_and_back(hub: Hub, idle: str) -> None:
    """Five hundred questions get their answers in order, however the shell spends its idle time, and no wake-up is missed."""
    there, here = echo(), asker(500)
    nodes = pair(hub, there, here)
    assert run(hub, *nodes, idle=idle) == 0
    assert [message.nonce for message in here.messages if isinstance(message, Pong)] == list(range(499, -1, -1))
    for core in (there, here):
        assert "rescued_wakeup_count" not in core.counters.totals
        assert "unhandled_count" not in core.counters.totals


def test_every_message_crosses_the_wire(hub: Hub) -> None:
    """A message, the number of its peer and its raw bytes reach the core as they were sent."""
    order = sample_of(Order)
    raw_body = b"\x91body"
    there = Told({Order: lambda _envelope, _now_ns: DONE})
    here = Told({LinkUp: lambda _envelope, _now_ns: (Send(links.CONTROL, 0, order, raw_body), *DONE)})
    run(hub, *pair(hub, there, here))
    (envelope,) = there.seen
    assert (envelope.link, envelope.peer, envelope.message) == (links.CONTROL, 1, order)
    assert len(envelope.frames) == 2
    assert envelope.frames[1] == raw_body


def test_control_comes_first(hub: Hub, other: Hub) -> None:
    """Of what waits at one moment control is read first, then orders, then status, whatever came first."""
    core = Told({Ping: quietly})
    node = node_of(core)
    kinds = {links.STATUS: ("PULL", "PUSH"), links.LOCALS: ("ROUTER", "DEALER"), links.CONTROL: ("ROUTER", "DEALER")}
    for link in kinds:
        fill(hub, other, node, link, kinds[link], 1)
    core.on(Ping, lambda _envelope, _now_ns: DONE if len(core.seen) == 3 else NOTHING)
    run(hub, node)
    assert [envelope.link for envelope in core.seen] == [links.CONTROL, links.LOCALS, links.STATUS]


def test_data_whose_wakeup_was_missed_is_taken_at_the_next_poll(hub: Hub, other: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where other things wake the loop all the time, and no poll finds it idle."""
    monkeypatch.setattr(Shell, "_on_readable", lambda *_: None)
    core = Told({Ping: lambda _envelope, _now_ns: DONE})
    woken: list[int] = []

    def beat(now_ns: int) -> Effects:
        core.deadline_ns = now_ns + 20 * MS_NS
        woken.append(now_ns)
        return NOTHING

    core.on_due, core.deadline_ns = beat, 1
    node = node_of(core)
    dialler = other.connect(links.STATUS, "PUSH", bind(node, hub, links.STATUS, "PULL").endpoint)
    with running(hub, node):
        until(lambda: dialler.changes(0), other)
        until(lambda: len(woken) > 3, other)
        dialler.send(0, (encode(Ping("", 1)),))
        until(lambda: core.seen, other)


def test_no_link_starves_another(hub: Hub, other: Hub) -> None:
    """After a batch from one link the others have their turn, though it has more."""
    core = Told()
    node = node_of(core)
    fill(hub, other, node, links.LOCALS, ("ROUTER", "DEALER"), 3 * BATCH_COUNT)
    fill(hub, other, node, links.STATUS, ("PULL", "PUSH"), 1)
    core.on(Ping, lambda _envelope, _now_ns: DONE if len(core.seen) == 3 * BATCH_COUNT + 1 else NOTHING)
    run(hub, node)
    order = [envelope.link for envelope in core.seen]
    assert order.index(links.STATUS) <= BATCH_COUNT
    numbers = [envelope.message.nonce for envelope in core.seen if envelope.link == links.LOCALS]
    assert numbers == list(range(3 * BATCH_COUNT))


@pytest.mark.skipif(sys.platform == "win32", reason="platform: Windows has no SIGUSR1")
def test_signal_of_the_host_is_a_stop_for_who_takes_one(hub: Hub) -> None:
    """SIGUSR1 is FREEZE; a node that takes none goes on."""
    core, deaf = Told({HostStop: lambda _envelope, _now_ns: DONE}), Told(at_start=(Halt(0, "done"),))
    shell = Shell(hub)
    for each in (core, deaf):
        shell.add(node_of(each))
    shell.every(10, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert shell.run() == 0
    assert [envelope.message for envelope in core.seen][:1] == [HostStop("FREEZE", "SIGUSR1")]
    assert deaf.seen == []


def test_step_of_the_wall_clock_is_told_before_what_waits(hub: Hub, other: Hub) -> None:
    """The machine slept: no message that came meanwhile is read before the core knows."""
    core = Told({WallStep: quietly, Ping: lambda _envelope, _now_ns: DONE})
    node = node_of(core)
    fill(hub, other, node, links.CONTROL, ("ROUTER", "DEALER"), 1)
    looks = chain([0], repeat(3_600 * SECOND_NS))
    run(hub, node, wall_clock=lambda: monotonic_ns() + next(looks))
    assert [type(envelope.message) for envelope in core.seen] == [WallStep, Ping]
    assert round(core.seen[0].message.step_ns / SECOND_NS) == 3_600


def test_deadline_is_kept(hub: Hub) -> None:
    """A core is called when its deadline has passed, not before, and not late."""
    core = Told()
    called: list[tuple[int, int]] = []

    def due(now_ns: int) -> Effects:
        called.append((core.deadline_ns, now_ns))
        core.deadline_ns = now_ns + 3 * MS_NS
        return DONE if len(called) == 5 else NOTHING

    core.on_due = due
    core.deadline_ns = 0
    run(hub, node_of(core))
    assert len(called) == 5
    assert all(deadline_ns <= now_ns < deadline_ns + SECOND_NS for deadline_ns, now_ns in called[1:])


def test_deadline_is_kept_under_load(hub: Hub) -> None:
    """Messages that never end do not keep a deadline from being called."""
    there, here = Told(), asker(1_000_000_000)

    def answer(envelope: Envelope, now_ns: int) -> Effects:
        there.deadline_ns = min(there.deadline_ns, now_ns + 20 * MS_NS)
        return (Send(envelope.link, envelope.peer, Pong("there", "", 10)),)

    there.on(Ping, answer)
    there.on_due = lambda _now_ns: (Halt(70, "deadline"),)
    assert run(hub, *pair(hub, there, here)) == 70
    assert len(there.seen) > 10


def test_earlier_deadline_moves_the_timer(hub: Hub) -> None:
    """A deadline set nearer while a later one is armed is kept."""
    core = Told(at_start=())
    core.deadline_ns = NEVER - 1
    core.on_due = lambda _now_ns: DONE
    node = node_of(core)

    def nearer(_envelope: Envelope, now_ns: int) -> Effects:
        core.deadline_ns = now_ns + MS_NS
        return NOTHING

    core.on(Stop, nearer)
    shell = Shell(hub, takes_signals=False)
    shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0


def test_stop_is_a_message(hub: Hub) -> None:
    """Asked to stop, a core gets Stop and ends when it is done; one that does not know Stop ends at once."""

    def later(_envelope: Envelope, now_ns: int) -> Effects:
        drainer.deadline_ns = now_ns + MS_NS
        return NOTHING

    drainer, plain = Told({Stop: later}), Told()
    drainer.on_due = lambda _now_ns: (Halt(0, "drained"),)
    nodes = [node_of(drainer), node_of(plain)]
    shell = Shell(hub, takes_signals=False)
    for node in nodes:
        shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0
    assert [envelope.link for envelope in drainer.seen] == [links.SHELL]
    assert [node.halt for node in nodes] == [Halt(0, "drained"), Halt(0, "asked to stop")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_ask_to_stop(hub: Hub, number: signal.Signals) -> None:
    """SIGTERM and SIGINT become Stop."""
    before = signal.getsignal(number)
    core = Told({Stop: lambda _envelope, _now_ns: DONE})
    core.deadline_ns = 0

    def send_signal(_now_ns: int) -> Effects:
        core.deadline_ns = NEVER
        os.kill(os.getpid(), number)
        return NOTHING

    core.on_due = send_signal
    assert run(hub, node_of(core), takes_signals=True) == 0
    assert core.messages == [Stop()]
    assert signal.getsignal(number) == before


def test_signal_before_the_first_round_is_not_forgotten(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop would: whoever stops a node that has just begun had to kill it."""

    def watchdog(*words: Any) -> Watchdog:
        os.kill(os.getpid(), signal.SIGTERM)
        return Watchdog(*words)

    monkeypatch.setattr(shell_module, "Watchdog", watchdog)
    core = Told({Stop: lambda _envelope, _now_ns: DONE})
    core.deadline_ns = monotonic_ns() + 5 * SECOND_NS
    core.on_due = lambda _now_ns: (Halt(1, "nobody told it to stop"),)
    assert run(hub, node_of(core), takes_signals=True) == 0
    assert core.messages == [Stop()]


def test_core_that_never_ends_is_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that does not come to its end in the time to drain and a little is ended, and the log says so."""
    monkeypatch.setattr(shell_module, "HARD_STOP_MS", 1)
    core = Told({Stop: quietly})
    node = node_of(core)
    shell = Shell(hub, takes_signals=False, drain_ms=1)
    shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0
    assert "drain_cut_short" in names_of(node)


def test_exit_code_of_the_first_that_failed(hub: Hub) -> None:
    """A core that halts with a code other than 0 ends the process with it, the others with it."""
    fenced, fine = Told(at_start=(Halt(70, "another epoch"),)), Told({Stop: quietly})
    node = node_of(fenced)
    assert run(hub, node, node_of(fine)) == 70
    assert "halted" in names_of(node)


def test_halted_core_gets_nothing_more(hub: Hub) -> None:
    """Once halted a core is left alone while its neighbours go on."""
    there = Told({Ping: lambda envelope, _now_ns: (Send(envelope.link, envelope.peer, Pong("there", "", 1)), *DONE)})

    def answered(_envelope: Envelope, now_ns: int) -> Effects:
        here.deadline_ns = now_ns + 5 * MS_NS
        return (ping_of(2), ping_of(3))

    here = Told({LinkUp: lambda _envelope, _now_ns: (ping_of(1),), Pong: answered})
    here.on_due = lambda _now_ns: DONE
    run(hub, *pair(hub, there, here))
    assert there.messages == [Ping("", 1)]


def test_bug_in_a_core_ends_the_process(hub: Hub) -> None:
    """What a core raises is not swallowed: the process ends with it, and none of its other messages is handled."""

    def fail(_envelope: Envelope, _now_ns: int) -> Effects:
        raise AssertionError("impossible")

    there, here = Told({Ping: fail}), Told({LinkUp: lambda _envelope, _now_ns: (ping_of(1), ping_of(2), ping_of(3))})
    with pytest.raises(AssertionError, match="impossible"):
        run(hub, *pair(hub, there, here))
    assert len(there.seen) == 1


def test_garbage_collector_rests(hub: Hub) -> None:
    """While nodes run the oldest generation is frozen and not collected by chance; afterwards all is as before."""
    before = gc.get_threshold()
    during: list[tuple[int, int]] = []
    core = Told()
    core.deadline_ns = 0
    core.on_due = lambda _now_ns: (during.append((gc.get_freeze_count(), gc.get_threshold()[2])), DONE)[1]
    run(hub, node_of(core))
    assert during[0][0] > 1_000
    assert during[0][1] > 100_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_turns_of_others(hub: Hub) -> None:
    """What else has to be done in the process from time to time runs on the same loop, again and again."""
    turns: list[None] = []
    shell = Shell(hub, takes_signals=False)
    shell.add(node_of(Told()))

    def turn() -> None:
        turns.append(None)
        if len(turns) == 3:
            shell.stop()

    shell.every(1, turn)
    assert shell.run() == 0
    assert len(turns) >= 3
