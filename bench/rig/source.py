"""The source of a measured mesh: a plain DEALER that says hello as an operator does and sends signals when they are due.

``python -m bench.rig.source ENDPOINT ACCOUNT,… [KEYS [turns]]`` reads ``RATE COUNT FIRST`` from its input, a segment a line, and prints
for each, when the last answer is there, how long it took and how many were accepted. The sid of the n-th signal is its number; its
stamp is when it was sent. Each opens on all accounts; with ``turns`` one account after the other opens, then one after the other closes.
"""

import sys
import time
from pathlib import Path

import zmq

from bench.pace import due_ns
from bench.rig.handsignal import hand_signal, turn_signal
from mesh.codec import decode_untrusted, encode
from mesh.io.clock import monotonic_ns
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.signals import ACCEPTED, OPERATOR, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import SECOND_NS
from nodes.io.doorfiles import door_path, keys_from
from nodes.io.keyfiles import inventory_in

ANSWERED_S = 20.0
"""Patience with the answers of a segment, and with the first welcome."""
HELLO_S = 0.5


class Source:
    """One connection to the signals node. ``accounts``: whom each signal is for."""

    def __init__(self, endpoint: str, accounts: list[str], keys: Path | None = None, is_by_turns: bool = False) -> None:
        """``keys``: the folder of the mesh's keys, where its links have doors."""
        self._accounts = accounts
        self._signal = turn_signal if is_by_turns else hand_signal
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        if keys is not None:
            inventory = inventory_in(keys)
            own = keys_from(door_path(keys, OPERATOR))
            self._socket.curve_serverkey = bytes.fromhex(inventory.door["signals-1"].keys[0].key)
            self._socket.curve_publickey, self._socket.curve_secretkey = own.public, own.secret
        self._socket.connect(endpoint)
        self._credit_count = 0
        self._unanswered_count = 0
        self._accepted_count = 0

    def join(self) -> None:
        """Hello, until welcome. Raises TimeoutError."""
        give_up_s = time.monotonic() + ANSWERED_S
        while not self._credit_count:
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"no welcome within {ANSWERED_S:g} s")
            self._socket.send(encode(SourceHello(OPERATOR, 1, PROTOCOL_VERSION, "")))
            if self._socket.poll(int(HELLO_S * 1_000)):
                self._take()

    def segment(self, rate: float, count: int, first: int) -> tuple[float, int, list[int]]:
        """Send ``count`` signals from number ``first``; seconds they took, how many were accepted, and when each was due."""
        self._accepted_count = 0
        begin_ns = monotonic_ns() + SECOND_NS // 100
        dues: list[int] = []
        for number, due in enumerate(due_ns(begin_ns, rate, count), first):
            while self._unanswered_count >= self._credit_count:
                self._wait()
            dues.append(due)
            stamp_ns = monotonic_ns()
            self._socket.send(encode(self._signal(number, self._accounts, stamp_ns)), zmq.NOBLOCK)
            self._unanswered_count += 1
            self._take()
        took_s = (monotonic_ns() - begin_ns) / SECOND_NS
        while self._unanswered_count:
            self._wait()
        return took_s, self._accepted_count, dues

    def close(self) -> None:
        """Done."""
        self._context.destroy(0)

    def _wait(self) -> None:
        if not self._socket.poll(int(ANSWERED_S * 1_000)):
            raise TimeoutError(f"{self._unanswered_count} signals are not answered after {ANSWERED_S:g} s")
        self._take()

    def _take(self) -> None:
        while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
            message = decode_untrusted(self._socket.recv_multipart(zmq.NOBLOCK)[0])
            if isinstance(message, SourceWelcome):
                self._credit_count = message.credit_count
            elif isinstance(message, SignalAnswer):
                self._unanswered_count -= 1
                self._accepted_count += message.code == ACCEPTED
                if message.code != ACCEPTED:
                    print(f"signal {message.sid}: {message.code} {message.text}", file=sys.stderr, flush=True)


def main() -> None:
    """Until its input ends."""
    source = Source(sys.argv[1], sys.argv[2].split(","), Path(sys.argv[3]) if len(sys.argv) > 3 else None, sys.argv[4:] == ["turns"])
    source.join()
    print("up", flush=True)
    for line in sys.stdin:
        words = line.split()
        took_s, accepted_count, dues = source.segment(float(words[0]), int(words[1]), int(words[2]))
        print(took_s, accepted_count, *dues, flush=True)
    source.close()


if __name__ == "__main__":
    main()
