"""Many locals that trade nothing: connections to one router, each with its hello, its acks and its states.

``python -m bench.rig.crowd LOCALS_ENDPOINT STATUS_ENDPOINT FIRST COUNT CONFIG_HASH [KEYS ROUTER]``: locals FIRST … FIRST + COUNT − 1.
KEYS: the folder of the mesh's keys, where its links have doors; each local dials ROUTER with its own then, its states too. Says ``up``
when all are welcome, then does what its input says, a line each:

``states RATE COUNT``: so many account states at this rate, by turns, then ``sent SECONDS``. ``take FILE``: when each order came to each
local (arrays ``at_ns``, ``number`` of the local, ``n`` of the record), then ``taken``. ``again``: every connection is cut and made anew,
then for each local how many ns it took to be welcome again.
"""

import os
import sys
from pathlib import Path

import numpy as np
import zmq

from bench.pace import due_ns
from bench.rig.layout import FIRST_LOGIN, account_of, local_of
from bench.rig.market import MARKET_NS
from bench.rig.venue import BALANCE_E8
from mesh.codec import decode_untrusted, encode
from mesh.io.clock import monotonic_ns
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import AccountState
from mesh.messages.orders import LocalHello, LocalWelcome, Order, OrderAck, RouterHeartbeat
from mesh.units import MS_NS, SECOND_NS
from nodes.io.doorfiles import door_path, keys_from
from nodes.io.keyfiles import inventory_in

LIFE = 7
ROOM_COUNT = 64
NICE = 10
"""The crowd stands for other machines: where processors are few it takes none from what is measured."""
WELCOME_S = 30.0
HELLO_NS = 500 * MS_NS


class Person:
    """One local of the crowd."""

    __slots__ = ("e", "hello_ns", "k", "number", "push", "socket", "state_number", "welcomed_ns")

    def __init__(self, number: int, socket: "zmq.Socket[bytes]", push: "zmq.Socket[bytes]") -> None:
        self.number = number
        self.socket = socket
        self.push = push
        self.e = self.k = 0
        self.hello_ns = self.welcomed_ns = 0
        self.state_number = 0


class Crowd:
    """All of one process."""

    def __init__(
        self, locals_endpoint: str, status_endpoint: str, first: int, count: int, config_hash: str,
        keys: Path | None = None, router: str = "",
    ) -> None:  # fmt: skip
        self._endpoint, self._status_endpoint = locals_endpoint, status_endpoint
        self._config_hash = config_hash
        self._keys = keys
        self._server_key = bytes.fromhex(inventory_in(keys).door[router].keys[0].key) if keys is not None else b""
        self._context = zmq.Context()
        self._context.max_sockets = 4 * count + 16  # closed ones linger for a moment
        self._poller = zmq.Poller()
        self._shared: zmq.Socket[bytes] | None = None
        """Where links are plain, all states go by one connection."""
        self._people = [self._person(number) for number in range(first, first + count)]
        self._by_socket = {person.socket: person for person in self._people}
        self._arrived: list[tuple[int, int, int]] = []

    def _person(self, number: int) -> Person:
        socket = self._dial(zmq.DEALER, self._endpoint, number)
        self._poller.register(socket, zmq.POLLIN)
        return Person(number, socket, self._push(number))

    def _push(self, number: int) -> "zmq.Socket[bytes]":
        if self._keys is not None:
            return self._dial(zmq.PUSH, self._status_endpoint, number)
        if self._shared is None:
            self._shared = self._dial(zmq.PUSH, self._status_endpoint, number)
        return self._shared

    def _dial(self, kind: int, endpoint: str, number: int) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = 0
        if self._keys is not None:
            own = keys_from(door_path(self._keys, local_of(number)))
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = self._server_key, own.public, own.secret
        socket.connect(endpoint)
        return socket

    def join(self) -> None:
        """Hello from each, again until welcome. Raises TimeoutError."""
        give_up_ns = monotonic_ns() + int(WELCOME_S * SECOND_NS)
        while any(not person.welcomed_ns for person in self._people):
            now_ns = monotonic_ns()
            if now_ns > give_up_ns:
                missing = sum(not person.welcomed_ns for person in self._people)
                raise TimeoutError(f"{missing} of {len(self._people)} are not welcome after {WELCOME_S:g} s")
            for person in self._people:
                if not person.welcomed_ns and now_ns - person.hello_ns > HELLO_NS:
                    person.hello_ns = now_ns
                    person.socket.send(encode(self._hello(person)))
            self._listen(50)

    def again(self) -> list[int]:
        """Cut every connection and come back at once; ns from then to each one's welcome."""
        for person in self._people:
            self._poller.unregister(person.socket)
            person.socket.close(0)
            if person.push is not self._shared:
                person.push.close(0)
        began_ns = monotonic_ns()
        self._people = [self._person(person.number) for person in self._people]
        self._by_socket = {person.socket: person for person in self._people}
        self.join()
        return [person.welcomed_ns - began_ns for person in self._people]

    def states(self, rate: float, count: int) -> float:
        """Push states; the seconds it took."""
        begin_ns = monotonic_ns()
        for number, due in enumerate(due_ns(begin_ns, rate, count)):
            person = self._people[number % len(self._people)]
            person.state_number += 1
            person.push.send(encode(_state(person, due)))
        return (monotonic_ns() - begin_ns) / SECOND_NS

    def take(self, path: Path) -> None:
        """Write when orders came, and forget it."""
        arrived, self._arrived = self._arrived, []
        columns = np.array(arrived, dtype=np.int64).reshape(-1, 3)
        with path.open("wb") as file:
            np.savez(file, at_ns=columns[:, 0], number=columns[:, 1], n=columns[:, 2])

    def serve(self) -> None:
        """Listen to the router and to the input, until that ends."""
        self._poller.register(sys.stdin.fileno(), zmq.POLLIN)
        while True:
            if not self._listen(1_000):
                continue
            words = sys.stdin.readline().split()
            if not words:
                break
            if words[0] == "states":
                print("sent", self.states(float(words[1]), int(words[2])), flush=True)
            elif words[0] == "take":
                self.take(Path(words[1]))
                print("taken", flush=True)
            elif words[0] == "again":
                print(*self.again(), flush=True)
        self._context.destroy(0)

    def _listen(self, timeout_ms: int) -> bool:
        """Take what came; whether the input has a line."""
        is_asked = False
        for socket, _ in self._poller.poll(timeout_ms):
            if socket == sys.stdin.fileno():
                is_asked = True
                continue
            person = self._by_socket[socket]
            while socket.get(zmq.EVENTS) & zmq.POLLIN:
                self._heard(person, socket.recv_multipart(zmq.NOBLOCK), monotonic_ns())
        return is_asked

    def _heard(self, person: Person, frames: list[bytes], now_ns: int) -> None:
        message = decode_untrusted(frames[0])
        if isinstance(message, Order):
            self._arrived.append((now_ns, person.number, message.n))
            person.e, person.k = message.e, message.targets[0].k
            self._ack(person)
        elif isinstance(message, LocalWelcome):
            person.e, person.k = message.e, message.k_last
            person.welcomed_ns = person.welcomed_ns or now_ns
            self._ack(person)
        elif isinstance(message, RouterHeartbeat) and message.e > person.e:
            person.e = message.e

    def _ack(self, person: Person) -> None:
        person.socket.send(encode(OrderAck(account_of(person.number), person.e, person.k, ROOM_COUNT)))

    def _hello(self, person: Person) -> LocalHello:
        store_id = f"crowd-{person.number}".encode().ljust(16)[:16]
        account, node = account_of(person.number), local_of(person.number)
        return LocalHello(account, node, LIFE, store_id, person.e, person.k, 0, b"", PROTOCOL_VERSION, self._config_hash)


def _state(person: Person, stamp_ns: int) -> AccountState:
    money = (BALANCE_E8, BALANCE_E8, 0, BALANCE_E8, 0, BALANCE_E8)
    login = FIRST_LOGIN + person.number - 1
    return AccountState(
        account_of(person.number), LIFE, person.state_number, 0, 0, MARKET_NS + stamp_ns, stamp_ns, login, "USD", True, 100, *money,
        True, True, False, "ACTIVE", [], [],
    )  # fmt: skip


def main() -> None:
    """The command line."""
    os.nice(NICE)
    locals_endpoint, status_endpoint, first, count, config_hash = sys.argv[1:6]
    keys, router = (Path(sys.argv[6]), sys.argv[7]) if len(sys.argv) > 7 else (None, "")
    crowd = Crowd(locals_endpoint, status_endpoint, int(first), int(count), config_hash, keys, router)
    crowd.join()
    print("up", flush=True)
    crowd.serve()


if __name__ == "__main__":
    main()
