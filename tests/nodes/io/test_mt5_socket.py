"""The facade on a broker behind a socket: calls and answers over the wire, and what happens when the broker goes away."""

import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq

from mesh.codec import decode_untrusted, encode
from mesh.messages.venue import TerminalCall, TerminalReply
from nodes.io import mt5
from nodes.io.mt5session import SESSION
from nodes.terminal.calls import VALUE_BYTES_MAX
from nodes.terminal.lasterror import OUT_OF_MEMORY, SUCCESS
from nodes.terminal.service import TerminalService
from tests.nodes.terminal.terminal_rig import LOGIN, Rig

pytestmark = [pytest.mark.wire]

LONGEST_BYTES = VALUE_BYTES_MAX - 5
"""With the head that MessagePack puts before them, the longest value there is."""


class Broker:
    """Answers calls from a thread, as the broker process does; ``mood`` may change what it does with an order_send."""

    def __init__(self) -> None:
        self.service = TerminalService(Rig().terminal)
        self.mood = "answer"
        self.calls: list[str] = []
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.set(zmq.LINGER, 0)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.stopper = self.context.socket(zmq.PAIR)
        self.stopper.bind("inproc://stop")
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def serve(self) -> None:
        stopped = self.context.socket(zmq.PAIR)
        stopped.connect("inproc://stop")
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(stopped, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if stopped in ready:
                break
            peer, frame = self.socket.recv_multipart()
            call = decode_untrusted(frame)
            assert isinstance(call, TerminalCall)
            self.calls.append(call.name)
            if call.name == "order_send" and self.mood == "die":
                break
            if call.name == "login" and self.mood == "silent":
                continue
            self.answer(peer, call)
        stopped.close(0)
        self.socket.close(0)

    def answer(self, peer: bytes, call: TerminalCall) -> None:
        now_ns = self.service.terminal.now_ns
        answer = self.service.call(call.login, call.name, msgpack.unpackb(call.args), now_ns)
        reply = TerminalReply(call.sequence, msgpack.packb(answer.value), *answer.error, 3, len(self.calls), now_ns)
        if self.mood == "stale":
            self.socket.send_multipart([peer, encode(TerminalReply(call.sequence + 7, b"\xc0", 1, "", 0, 0, 0))])
        if self.mood == "long" and call.name == "symbols_total":
            reply = TerminalReply(call.sequence, msgpack.packb(bytes(LONGEST_BYTES)), *SUCCESS, 3, 1, now_ns)
        if self.mood == "too long" and call.name == "positions_get":
            reply = TerminalReply(call.sequence, msgpack.packb(None), *OUT_OF_MEMORY, 3, 1, now_ns)
        garbage = self.mood == "garbage" and call.name == "order_send"
        self.socket.send_multipart([peer, b"\xffgarbage" if garbage else encode(reply)])

    def close(self) -> None:
        if self.context.closed:
            return
        if self.thread.is_alive():
            self.stopper.send(b"")
        self.thread.join()
        self.stopper.close(0)
        self.context.term()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    mt5.shutdown()
    broker.close()


REQUEST: dict[str, Any] = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "magic": 7}


def test_authorisation_is_waited_for_no_longer_than_the_time_out(broker: Broker) -> None:
    """A broker that does not answer a login: -10005; initialize leaves no link, login leaves the one there is."""
    broker.mood = "silent"
    assert mt5.initialize(broker.endpoint, timeout=200) is False
    assert mt5.last_error() == (-10005, "IPC timeout")
    broker.mood = "answer"
    assert mt5.initialize(broker.endpoint)
    broker.mood = "silent"
    assert mt5.login(LOGIN, timeout=50) is False
    assert mt5.last_error() == (-10005, "IPC timeout")
    assert mt5.account_info().login == LOGIN


def test_calls_over_the_wire(broker: Broker) -> None:
    """Trading, reads of numpy columns and errors come through; the stamp is the reply's."""
    assert mt5.initialize(broker.endpoint, login=LOGIN)
    result = mt5.order_send(REQUEST)
    assert (result.retcode, result.volume) == (mt5.TRADE_RETCODE_DONE, 0.1)
    assert [position.magic for position in mt5.positions_get()] == [7]
    assert len(mt5.copy_ticks_from("EURUSD", 1, 10, mt5.COPY_TICKS_ALL)) == 1
    assert mt5.symbol_info("NONE") is None
    assert mt5.last_error() == (-4, "Terminal: Not found")
    assert mt5._stamp() == (3, len(broker.calls), broker.service.terminal.now_ns)
    assert broker.calls == ["login", "order_send", "positions_get", "copy_ticks_from", "symbol_info"]


def test_longest_answer_comes_through(broker: Broker) -> None:
    """A value as long as a broker may send passes the socket and its checks."""
    assert mt5.initialize(broker.endpoint)
    broker.mood = "long"
    assert len(mt5.symbols_total()) == LONGEST_BYTES
    assert mt5.last_error() == (1, "Success")


def test_answer_too_long_to_send_is_none_and_the_link_stays(broker: Broker) -> None:
    """What a broker answers in place of a longer value is None with -3, as any failed read; the next call is answered."""
    assert mt5.initialize(broker.endpoint)
    broker.mood = "too long"
    assert mt5.positions_get() is None
    assert mt5.last_error() == (-3, "Terminal: Out of memory")
    assert mt5.symbols_total() == 1


def test_environment_names_the_broker(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the endpoint comes from TRADEMESH_SIM; without a login the account is the broker's first."""
    monkeypatch.setenv("TRADEMESH_SIM", broker.endpoint)
    monkeypatch.setattr(SESSION, "path", "")
    assert mt5.initialize()
    assert mt5.account_info().login == LOGIN


def test_wrong_account_is_refused(broker: Broker) -> None:
    """An unknown login gives -6 and no link."""
    assert mt5.initialize(broker.endpoint, login=1) is False
    assert mt5.last_error() == (-6, "Terminal: Authorization failed")
    assert mt5.account_info() is None


def test_answer_to_another_call_is_not_taken(broker: Broker) -> None:
    """A reply with another sequence number is passed over."""
    broker.mood = "stale"
    assert mt5.initialize(broker.endpoint)
    assert mt5.symbols_total() == 1


def test_broker_that_dies_in_a_call_breaks_the_pipe(broker: Broker) -> None:
    """The call that waits gets -10002, as when a real terminal is killed; later ones -10004."""
    assert mt5.initialize(broker.endpoint)
    broker.mood = "die"
    assert mt5.order_send(REQUEST) is None
    assert mt5.last_error() == (-10002, "IPC recv failed")
    assert mt5.positions_get() is None
    assert mt5.last_error() == (-10004, "No IPC connection")


def test_broker_that_died_between_calls_is_met_by_the_next(broker: Broker) -> None:
    """Nothing is sent to a broker that is gone, nor to its next life: -10001, then -10004."""
    assert mt5.initialize(broker.endpoint)
    monitor = SESSION.backend._monitor
    broker.close()
    assert monitor.poll(10_000)
    assert mt5.order_send(REQUEST) is None
    assert mt5.last_error() == (-10001, "IPC send failed")
    assert mt5.order_send(REQUEST) is None
    assert mt5.last_error() == (-10004, "No IPC connection")


def test_garbage_is_a_broken_pipe(broker: Broker) -> None:
    """A reply that is none is -10002, never a Python error."""
    assert mt5.initialize(broker.endpoint)
    broker.mood = "garbage"
    assert mt5.order_send(REQUEST) is None
    assert mt5.last_error() == (-10002, "IPC recv failed")


@pytest.mark.parametrize("path", ["tcp://127.0.0.1:1", "tcp://nonsense"])
def test_no_broker_at_the_endpoint(path: str) -> None:
    """Nobody answers, or the endpoint is none: -10003 within the time-out."""
    assert mt5.initialize(path, timeout=50) is False
    assert mt5.last_error()[0] == -10003
