"""Attacks on a door, on real sockets: only keys of the list come in, who is in speaks for himself alone, each try is on record."""

import socket
import time
from contextlib import closing

import msgspec
import pytest
import zmq

from mesh.codec import encode
from mesh.doors import TRADE
from mesh.errors import BadConfig, NotReady
from mesh.io import doorprobe
from mesh.io.doorprobe import probe
from mesh.io.hub import Door, Hub
from mesh.io.sockets import Keys, Socket, Way
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.control import Command, OperatorHello, Ping
from mesh.messages.orders import GrantAsk, LocalHello, RouterHello
from mesh.messages.outcomes import Outcome
from tests.message_values import sample_of
from tests.wire.doorrig import DAY_NS, HELLO, OTHERS, House, HouseAt, audited, new_keys

pytestmark = pytest.mark.wire
COMMAND = Command(bytes(16), "desk-2:ann@pc", "close", "all", 0, False, 0, 0, True)


def is_refused(house: House, socket: Socket) -> bool:
    """Whether this guest was refused: he never was in, and it is on record why."""
    refused = house.until(lambda: house.refused_count)
    return refused and not socket.is_up and house.core.taken == []


def test_guest_with_a_key_of_the_list_comes_in_and_is_heard(house: HouseAt) -> None:
    """The user of his connection is his key."""
    locals_door = house("locals")
    keys = locals_door.invite("local-1", "local", account="a1")
    locals_door.say(locals_door.knock(keys), HELLO)
    assert locals_door.until(lambda: locals_door.core.taken)
    assert locals_door.core.taken[0].message == HELLO
    assert locals_door.socket.user == keys.public.hex()
    assert (locals_door.refused_count, audited(locals_door)) == (0, [])


def test_key_nobody_knows_is_refused(house: HouseAt) -> None:
    """Whoever it is knows the door's own key, and nothing else."""
    door = house("locals")
    keys = new_keys()
    assert is_refused(door, door.knock(keys))
    record = audited(door)[0]
    assert (record.link, record.key, record.name, record.why) == ("locals", keys.public.hex(), "", "UNKNOWN_KEY")
    assert record.address == "127.0.0.1"


def test_guest_without_any_key_is_not_let_in(house: HouseAt) -> None:
    """A plain connection, as every ZeroMQ program makes it: the handshake itself fails, at both sides, again and again."""
    door = house("locals")
    plain = door.knock(None)
    keys = door.invite("local-1", "local", account="a1")
    known = door.knock(keys)
    door.say(known, HELLO)
    assert door.until(lambda: door.core.taken)
    assert not plain.is_up
    assert [envelope.message for envelope in door.core.taken] == [HELLO]


@pytest.mark.parametrize("link", ["orders", "replay", "decide", "control.router", "control.master", "front", "signals", "market"])
def test_right_key_at_the_wrong_door_is_refused(house: HouseAt, link: str) -> None:
    """A local has business at its routers alone: not where orders are published, nor at a control socket."""
    door = house(link)
    assert is_refused(door, door.knock(door.invite("local-1", "local", account="a1")))
    assert audited(door)[0].why == "WRONG_LINK"


def test_door_with_another_key_than_expected_is_not_trusted(house: HouseAt) -> None:
    """Who stands in a router's place without its secret key hears nothing."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    deceived = door.knock(keys, server=new_keys().public)
    honest = door.knock(keys)
    door.say(honest, HELLO)
    assert door.until(lambda: door.core.taken)
    assert not deceived.is_up


@pytest.mark.parametrize(("shift_ns", "why"), [(-2 * DAY_NS, "KEY_NOT_YET"), (2 * DAY_NS, "KEY_EXPIRED")])
def test_key_out_of_its_time_is_refused(house: HouseAt, shift_ns: int, why: str) -> None:
    """Not before it is good, not after."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    door.now_ns += shift_ns
    assert is_refused(door, door.knock(keys))
    assert (audited(door)[0].why, audited(door)[0].name) == (why, "local-1")


def test_guest_from_another_address_is_refused(house: HouseAt) -> None:
    """Where the list says from where he comes."""
    door = house("locals")
    assert is_refused(door, door.knock(door.invite("local-1", "local", account="a1", addresses=("10.1.2.3",))))
    assert (audited(door)[0].why, audited(door)[0].address) == ("WRONG_ADDRESS", "127.0.0.1")
    near = door.invite("local-2", "local", account="a2", addresses=("10.1.2.3", "127.0.0.1"))
    door.say(door.knock(near), OTHERS)
    assert door.until(lambda: door.core.taken)


@pytest.mark.parametrize("words", [OTHERS, GrantAsk("a2", 1, b"s", 1, 1), LocalHello("a1", "local-2", 1, b"s", 0, 0, 0, b"", 1, "")])
def test_local_speaks_for_its_own_account_alone(house: HouseAt, words: LocalHello | GrantAsk) -> None:
    """Another's hello, another's ask, its own account under another's name: none of them reaches the core, and each is on record."""
    door = house("locals")
    socket = door.knock(door.invite("local-1", "local", account="a1"))
    door.say(socket, words)
    assert door.until(lambda: door.refused_count)
    assert door.core.taken == []
    assert audited(door)[0].why.startswith("NOT_YOURS")
    door.say(socket, HELLO)
    assert door.until(lambda: door.core.taken), "its own words are heard still"


def test_stolen_routing_id_is_of_no_use(house: HouseAt) -> None:
    """Who claims another's routing id has his own key all the same: he is refused as himself, and the other goes on."""
    door = house("locals")
    victim = door.knock(door.invite("local-1", "local", account="a1"))
    door.say(victim, HELLO)
    assert door.until(lambda: door.core.taken)
    victims_id = door.socket.peers.all()[0].routing_id
    thief_keys = door.invite("local-2", "local", account="a2")
    thief = door.outside._plain("locals", "DEALER", door.socket.endpoint)
    thief.set(zmq.ROUTING_ID, victims_id)
    for option, value in (
        (zmq.CURVE_SERVERKEY, door.keys.public),
        (zmq.CURVE_PUBLICKEY, thief_keys.public),
        (zmq.CURVE_SECRETKEY, thief_keys.secret),
    ):
        thief.set(option, value)
    thief.connect(door.socket.endpoint)
    thief.send(encode(GrantAsk("a1", 1, b"s", 1, 1)))
    door.say(victim, HELLO)
    assert door.until(lambda: len(door.core.taken) == 2)
    thief.close(0)
    assert [envelope.message for envelope in door.core.taken] == [HELLO, HELLO]


def test_operator_acts_only_with_the_right_to(house: HouseAt) -> None:
    """Without it he watches and asks; a router's word at the control socket is nobody's business there."""
    door = house("control.router")
    watcher = door.knock(door.invite("desk", "operator"))
    door.say(watcher, COMMAND)
    assert door.until(lambda: door.refused_count)
    assert audited(door)[0].why == "NO_RIGHT Command may=-"
    door.say(watcher, Ping("", 1))
    assert door.until(lambda: [envelope.message for envelope in door.core.taken] == [Ping("", 1)])
    door.say(door.knock(door.invite("desk-2", "operator", may=(TRADE,))), COMMAND)
    assert door.until(lambda: door.core.taken[-1].message == COMMAND)


@pytest.mark.parametrize("said", ["desk-2", "desk-2:ann@pc", "desk-2:"])
def test_operator_acts_under_the_name_of_his_key(house: HouseAt, said: str) -> None:
    """What he adds behind it is his own word."""
    door = house("control.router")
    socket = door.knock(door.invite("desk-2", "operator", may=(TRADE,)))
    hello, act = OperatorHello(said, 1, PROTOCOL_VERSION), msgspec.structs.replace(COMMAND, operator=said)
    door.say(socket, hello)
    door.say(socket, act)
    assert door.until(lambda: [envelope.message for envelope in door.core.taken] == [hello, act])
    assert door.refused_count == 0


@pytest.mark.parametrize(
    "said", ["desk-1", "desk-1:desk-2", "desk", "desk-22", "ann@desk-2", ":desk-2", "desk-2/ann@pc", "Desk-2", "desk-2 :x"]
)
def test_operator_acts_under_no_other_name(house: HouseAt, said: str) -> None:
    """Nobody's act stands under another's name: neither his hello nor his act is taken, and both are on record under his own."""
    door = house("control.master")
    door.invite("desk-1", "operator", may=(TRADE,))
    socket = door.knock(door.invite("desk-2", "operator", may=(TRADE,)))
    door.say(socket, OperatorHello(said, 1, PROTOCOL_VERSION))
    door.say(socket, msgspec.structs.replace(COMMAND, operator=said))
    assert door.until(lambda: door.refused_count == 2)
    assert door.core.taken == []
    rows = [(record.name, record.why) for record in audited(door)]
    assert rows == [("desk-2", f"NOT_YOURS {kind} operator={said} of=desk-2") for kind in ("OperatorHello", "Command")]


def test_router_says_its_own_name_and_hands_on_what_locals_say(house: HouseAt) -> None:
    """A router cannot be another router; for accounts it speaks by its trade."""
    door = house("replay")
    socket = door.knock(door.invite("router-1", "router"))
    door.say(socket, RouterHello("router-2", 1, 1, ""))
    assert door.until(lambda: door.refused_count)
    door.say(socket, RouterHello("router-1", 1, 1, ""))
    door.say(socket, HELLO)
    assert door.until(lambda: len(door.core.taken) == 2)
    assert door.refused_count == 1


def test_ten_words_of_others_and_a_peer_is_read_no_more(house: HouseAt) -> None:
    """What follows is dropped unread."""
    door = house("locals")
    socket = door.knock(door.invite("local-1", "local", account="a1"))
    for _ in range(12):
        door.say(socket, OTHERS)
    door.say(socket, HELLO)
    assert door.until(lambda: door.core.counters.totals.get("unread_frame_count", 0) == 3)
    assert (door.refused_count, door.core.taken) == (10, [])


def test_flood_of_strangers_leaves_a_bounded_record(house: HouseAt) -> None:
    """Each try is counted; the audit has a burst of them and one a second, so that nobody can fill a disk."""
    door = house("locals")
    for _ in range(300):
        assert door.door.judge(new_keys().public, "127.0.0.1") == "UNKNOWN_KEY"
    assert door.refused_count == 300
    assert 20 <= len(audited(door)) <= 25


def test_probe_finds_a_door_that_is_open(house: HouseAt) -> None:
    """A judge who lets in everybody: the node does not run. A good door is passed."""
    door = house("locals")
    probe(door.hub, "ROUTER", door.socket.endpoint, door.keys.public)
    keys = new_keys()
    hub = Hub()
    open_door = hub.bind("locals", "ROUTER", "tcp://127.0.0.1:0", door=Door(keys, "any/locals", lambda key, address: ""))
    with pytest.raises(BadConfig, match="lets in a key that nobody knows"):
        probe(hub, "ROUTER", open_door.endpoint, keys.public)
    hub.close()


def test_probe_that_nobody_answers_is_tried_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that door refuses a stranger is not known, so the node does not run; a host with too much to do answers another time."""
    monkeypatch.setattr(doorprobe, "PROBE_MS", 100)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        endpoint = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NotReady, match="did not answer a stranger within 100 ms"):
            probe(hub, "ROUTER", endpoint, new_keys().public)
    assert NotReady.exit_code == 75


def test_frames_from_a_door_keep_its_keys_out_of_their_words() -> None:
    """Nobody prints a secret key by printing what holds it."""
    keys = Keys(bytes(range(32)), bytes(range(32, 64)))
    assert keys.secret.hex()[:8] not in repr(keys) + repr(Way(lambda: keys, list))


def test_snapshots_are_for_guests_alone(house: HouseAt) -> None:
    """A stranger subscribes in vain."""
    door = house("front")
    stranger = door.knock(new_keys())
    guest = door.knock(door.invite("desk", "operator"))
    heard = 0
    end_s = time.monotonic() + 20
    while not heard and time.monotonic() < end_s:
        door.turn()
        door.socket.send(0, (b"x",))
        heard += len(guest.receive(10))
    assert heard
    assert stranger.receive(10) == []


def test_only_locals_tell_of_accounts_where_status_is_pushed(house: HouseAt) -> None:
    """Every node pushes its health there; another's word about an account would be handed on to the master as its local's."""
    door = house("status")
    indicator = door.knock(door.invite("cci-1", "indicator"))
    door.say(indicator, sample_of(Outcome))
    assert door.until(lambda: door.refused_count)
    assert (door.core.taken, audited(door)[0].why) == ([], "NOT_YOURS Outcome is told by locals alone")
    local = door.knock(door.invite("local-1", "local", account=sample_of(Outcome).account))
    door.say(local, sample_of(Outcome))
    assert door.until(lambda: door.core.taken)


def test_routing_id_of_one_who_has_left_is_worth_nothing(house: HouseAt) -> None:
    """Who comes under it next is judged by his own key."""
    door = house("locals")
    first, second = door.invite("local-1", "local", account="a1"), door.invite("local-2", "local", account="a2")
    for keys, words in ((first, HELLO), (second, HELLO), (second, OTHERS)):
        before = len(door.core.taken) + door.refused_count
        guest = door.outside._plain("locals", "DEALER", door.socket.endpoint)
        guest.set(zmq.ROUTING_ID, b"same")
        for option, value in (
            (zmq.CURVE_SERVERKEY, door.keys.public),
            (zmq.CURVE_PUBLICKEY, keys.public),
            (zmq.CURVE_SECRETKEY, keys.secret),
        ):
            guest.set(option, value)
        guest.connect(door.socket.endpoint)
        guest.send(encode(words))
        assert door.until(lambda before=before: len(door.core.taken) + door.refused_count > before)  # type: ignore[misc]
        guest.close(0)
        assert door.until(lambda: door.socket.send(door.socket.peers.all()[0].number, (b"x",)) == 1 or not door.socket.peers.all())
    assert [envelope.message for envelope in door.core.taken] == [HELLO, OTHERS]
    assert [record.name for record in audited(door)] == ["local-2"]
