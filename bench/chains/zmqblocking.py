"""``pyzmq-blocking``: plain pyzmq without a loop: receive, send, and wait in the kernel."""

from bench.chains.control import Control
from bench.chains.place import Place
from bench.chains.turn import send_blocking
from bench.chains.zmqends import Ends, receiving, sending


def run(place: Place, control: Control) -> None:
    """One stage. Does not return."""
    ends = Ends(place, control)
    if ends.inbound is None:
        assert ends.outbound is not None
        send_blocking(control, place.payload_bytes, sending(ends.outbound, ends.peer))
    receive = receiving(ends.inbound)
    on_message = control.tally.take if ends.outbound is None else sending(ends.outbound, ends.peer)
    control.up()
    while True:
        on_message(receive())
