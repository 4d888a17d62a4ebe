"""Keys that are struck, changed or run out while links live: who may no more is cut off, and whoever may goes on."""

import time
from pathlib import Path

import msgspec
import pytest

from mesh.codec import encode
from mesh.doors import DoorKey
from mesh.errors import PortInUse
from mesh.io.hub import Door, Hub
from mesh.io.sockets import Socket, Way
from mesh.messages.control import Ping
from tests.wire.doorrig import DAY_NS, HELLO, LIMIT_S, OTHERS, HouseAt, audited, new_keys

pytestmark = pytest.mark.wire


def bound_again(hub: Hub, endpoint: str, door: Door) -> Socket:
    """A socket where another was a moment ago: libzmq closes a listener in its own time."""
    end_s = time.monotonic() + LIMIT_S
    while True:
        try:
            return hub.bind("locals", "ROUTER", endpoint, door=door)
        except PortInUse:
            assert time.monotonic() < end_s, "its port is never free"


def test_revoked_key_is_cut_on_a_live_link(house: HouseAt) -> None:
    """Its next word is not taken, what is sent to it finds nobody, and the core is told that it has gone."""
    door = house("locals")
    stays, goes = door.invite("local-1", "local", account="a1"), door.invite("local-2", "local", account="a2")
    staying, going = door.knock(stays), door.knock(goes)
    door.say(staying, HELLO)
    door.say(going, OTHERS)
    assert door.until(lambda: len(door.core.taken) == 2)
    number = next(envelope.peer for envelope in door.core.taken if envelope.message == OTHERS)
    door.core.handlers = {type(envelope.message): None for envelope in door.core.taken}  # type: ignore[misc]
    door.strike("local-2")
    assert door.socket.send(number, (b"x",)) == 1, "gone"
    door.core.taken.clear()
    going.send(0, (encode(OTHERS),))
    door.say(staying, HELLO)
    assert door.until(lambda: door.core.taken)
    assert [envelope.message for envelope in door.core.taken] == [HELLO]
    assert {record.why for record in audited(door)} >= {"NO_GUEST cut off"}


def test_revoked_subscriber_hears_nothing_more(house: HouseAt) -> None:
    """A publishing socket knows no peers one by one: all are closed, and who may comes back by himself."""
    door = house("orders")
    stays, goes = door.invite("router-1", "router"), door.invite("router-2", "router")
    staying, going = door.knock(stays), door.knock(goes)
    heard: dict[Socket, int] = {staying: 0, going: 0}

    def publish() -> None:
        door.socket.send(0, (b"x",))
        for socket in heard:
            heard[socket] += len(socket.receive(100))

    assert door.until(lambda: publish() or all(heard.values()))
    door.strike("router-2")
    heard[staying] = heard[going] = 0
    while going.receive(100):
        pass
    assert door.until(lambda: publish() or heard[staying])
    assert heard[going] == 0
    assert door.until(lambda: not going.is_up)


def test_server_that_takes_its_next_key_is_found_again(house: HouseAt, tmp_path: Path) -> None:
    """Both keys are on the guests' list for a while: who expects the old one tries the next."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    old, new = door.keys.public, new_keys()
    socket = door.outside.connect("locals", "DEALER", door.socket.endpoint, Way(lambda: keys, lambda: [old, new.public]))
    door.say(socket, HELLO)
    assert door.until(lambda: door.core.taken)
    endpoint = door.socket.endpoint
    door.socket.close()
    door.hub.sockets.remove(door.socket)
    door.socket = bound_again(door.hub, endpoint, Door(new, "router-1/anew", door.door.judge))
    door.node.add_socket("locals", door.socket, "locals")
    assert door.until(lambda: not socket.is_up)
    door.core.taken.clear()
    door.say(socket, HELLO)
    assert door.until(lambda: door.core.taken)


def test_client_leaves_a_server_whose_key_was_revoked(house: HouseAt) -> None:
    """A stolen server key is struck from the list: who is connected to it goes, and comes back only to a good one."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    good, own = [door.keys.public], [keys]
    socket = door.outside.connect("locals", "DEALER", door.socket.endpoint, Way(lambda: own[0], lambda: good))
    door.say(socket, HELLO)
    good[0] = new_keys().public
    assert socket.redial_if_changed()
    assert door.until(lambda: not socket.is_up)
    assert not socket.redial_if_changed(), "once"


def test_client_that_has_a_new_key_comes_back_with_it(house: HouseAt) -> None:
    """A console that waits, connected, to send a stop would not be heard once its old key is good no more: it dials anew by itself."""
    door = house("control.router")
    own = [door.invite("desk", "operator")]
    socket = door.outside.connect("control", "DEALER", door.socket.endpoint, Way(lambda: own[0], lambda: [door.keys.public]))
    door.say(socket, Ping("", 1))
    assert door.until(lambda: door.core.taken)
    assert not socket.redial_if_changed()
    own[0] = door.invite("desk", "operator")
    door.node.sweep_doors()
    assert socket.redial_if_changed()
    assert not socket.redial_if_changed(), "once"
    assert socket.changes(0) == [False], "who dials is told that the link was lost: when it is made again, he says hello again"
    door.core.taken.clear()
    door.say(socket, Ping("", 2))
    assert door.until(lambda: door.core.taken)
    assert door.socket.user == own[0].public.hex()


def test_key_struck_put_back_and_struck_again_is_cut_off_again(house: HouseAt) -> None:
    """Its connection lives on meanwhile, and was not let in anew: it is known by being there."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    socket = door.knock(keys)
    guest = door.guests["local-1"]
    for _ in range(2):
        door.guests["local-1"] = guest
        door.doors.replace(door.guests.values())
        door.core.taken.clear()
        door.say(socket, HELLO)
        assert door.until(lambda: door.core.taken)
        number = door.core.taken[0].peer
        door.strike("local-1")
        assert door.socket.send(number, (b"x",)) == 1, "gone"


def test_old_key_that_runs_out_cuts_nobody_off_who_has_a_new_one(house: HouseAt) -> None:
    """A day after a key was changed its subscribers go on hearing: only a struck key closes a publishing socket."""
    door = house("orders")
    old, new = door.invite("router-1", "router"), new_keys()
    guest = door.guests["router-1"]
    later = DoorKey(new.public, door.now_ns - DAY_NS, door.now_ns + 9 * DAY_NS)
    door.guests["router-1"] = msgspec.structs.replace(guest, keys=(*guest.keys, later))
    door.doors.replace(door.guests.values())
    for keys in (old, new):
        subscriber = door.knock(keys)
        assert door.until(lambda subscriber=subscriber: subscriber.is_up)  # type: ignore[misc]
    plain = door.socket._plain
    door.now_ns += 2 * DAY_NS
    door.node.sweep_doors()
    assert door.socket._plain is plain
    door.strike("router-1")
    assert door.socket._plain is not plain


def test_whoever_answers_with_a_third_key_makes_nobody_spin(house: HouseAt) -> None:
    """Each key that is known is tried once; then it is tried again at libzmq's own pace."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    known = [new_keys().public, new_keys().public]
    asked_count = 0

    def servers() -> list[bytes]:
        nonlocal asked_count
        asked_count += 1
        return known

    socket = door.outside.connect("locals", "DEALER", door.socket.endpoint, Way(lambda: keys, servers))
    end_s = time.monotonic() + 2
    while time.monotonic() < end_s:
        door.turn()
        door.outside.wait(5)
    assert not socket.is_up
    assert asked_count < 200
