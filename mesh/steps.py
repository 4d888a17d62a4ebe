"""How long each step of an order took, by its stamps. Each is of its node's clock: where those of two hosts are compared, that is said.

What is known of a clock is what its node estimates now (``mesh.clockoffset``): a story from before one of the hosts was started anew is put
right by a wrong amount. What cannot be compared is told as ``?``, and the next stage from the nearest that can.
"""

from collections.abc import Mapping

import msgspec

from mesh.addresses import is_loopback
from mesh.config import Config
from mesh.links import LISTENING_ROLES
from mesh.texts import offset_text, span_text
from mesh.view import View

SOURCE, MASTER, ROUTER, LOCAL = "source", "master", "router", "local"
CLOCK_OF = {
    "signal": SOURCE,
    "master_in": MASTER,
    "master_out": MASTER,
    "router_out": ROUTER,
    "local_in": LOCAL,
    "durable": LOCAL,
    "called": LOCAL,
    "answered": LOCAL,
}
"""Stage → whose clock stamped it. The worker shares its local's."""


class Clock(msgspec.Struct, frozen=True):
    """A clock against the master's: the master's less it, and the error of that; both 0: the same clock. ``node``: whose it is."""

    node: str
    offset_ns: int = 0
    error_ns: int = 0
    is_known: bool = True


Clocks = Mapping[str, Clock]
"""By whose it is."""
ONE_HOST: Clocks = {name: Clock(name) for name in dict.fromkeys(CLOCK_OF.values())}


def clocks_of(config: Config, view: View, source: str, account: str) -> Clocks:
    """The clocks an order to an account was stamped by. ``source``: of its signal."""
    if all(is_loopback(node.host) for node in config.node.values() if node.role in LISTENING_ROLES):
        return ONE_HOST  # nobody could have come from elsewhere
    master = config.nodes_of("master")[0]
    local = config.local_of(account)
    routers = config.routers_of(local)
    found = {
        SOURCE: _clock(config, view, master, source),
        MASTER: Clock(master),
        ROUTER: _clock(config, view, master, routers[0]) if len(routers) == 1 else Clock(" or ".join(routers), is_known=False),
        LOCAL: _clock(config, view, master, local),
    }
    return ONE_HOST if all(_is_masters(clock) for clock in found.values()) else found


def _clock(config: Config, view: View, master: str, name: str) -> Clock:
    """What is known of a node's clock."""
    if name not in config.node:
        return Clock(name, is_known=False)
    if config.process_of(name) == config.process_of(master):
        return Clock(name)
    seen = view.nodes.get(name)
    if seen is None or not seen[1].clock_error_ns:
        return Clock(name, is_known=False)
    offset_ns, error_ns = seen[1].clock_offset_ns, seen[1].clock_error_ns
    # two hosts were not started within so little of each other: it is one clock
    return Clock(name) if abs(offset_ns) <= error_ns else Clock(name, offset_ns, error_ns)


def _is_masters(clock: Clock) -> bool:
    return clock.is_known and not clock.error_ns


def is_one_clock(first: Clock, second: Clock) -> bool:
    """Whether stamps of the two can be subtracted as they are."""
    return first == second or (_is_masters(first) and _is_masters(second))


class _Stage(msgspec.Struct, frozen=True):
    """A stage that was reached, by whose clock."""

    name: str
    at_ns: int
    clock: Clock


def stamps_line(stamps: Mapping[str, str], clocks: Clocks = ONE_HOST) -> str:
    """How long each step took, from the one before; then all of them, mesh and broker apart; then what is known of the clocks."""
    at = {name: int(stamps.get(f"{name}_ns", 0)) for name in CLOCK_OF}
    stages = [_Stage(name, at_ns, clocks[CLOCK_OF[name]]) for name, at_ns in at.items() if at_ns]
    if len(stages) < 2:
        return f"no steps after {stages[0].name}" if stages else "no stamps"
    steps = "  ".join(_step(stages[:index], stages[index]) for index in range(1, len(stages)))
    return f"steps, each from the one before: {steps}; total from {_total(stages)}{_clock_words(stages)}"


def _step(before: list[_Stage], after: _Stage) -> str:
    """From the stage before, or from the nearest whose clock can be compared."""
    for stage in reversed(before):
        span = _span(stage, after)
        if span:
            return f"{after.name} +{span}" + ("" if stage is before[-1] else f" from {stage.name}")
    return f"{after.name} ?"


def _span(before: _Stage, after: _Stage) -> str:
    """How long from one stage to another, and how wrong that may be where two clocks are compared; empty where they cannot be."""
    span_ns = after.at_ns - before.at_ns
    if is_one_clock(before.clock, after.clock):
        return span_text(span_ns)
    if not (before.clock.is_known and after.clock.is_known):
        return ""
    error_ns = before.clock.error_ns + after.clock.error_ns
    return f"{span_text(span_ns + after.clock.offset_ns - before.clock.offset_ns)} ± {span_text(error_ns)}"


def _total(stages: list[_Stage]) -> str:
    """From the first stage that can be compared with the last; mesh and broker apart."""
    last = stages[-1]
    first = next(stage for stage in stages if _span(stage, last))
    words = f"{first.name} {_span(first, last)}"
    by_name = {stage.name: stage for stage in stages}
    if "called" in by_name and "answered" in by_name:
        called = by_name["called"]
        words += f" (mesh {_span(first, called)}, broker {_span(called, by_name['answered'])})"
    return words


def _clock_words(stages: list[_Stage]) -> str:
    """What is known of the clocks, where they are not all the master's."""
    others = {stage.clock.node: stage.clock for stage in stages if not _is_masters(stage.clock)}
    words = [
        f"{name} {offset_text(clock.offset_ns, clock.error_ns)}" if clock.is_known else f"{name} not known (?)"
        for name, clock in others.items()
    ]
    return f"; clocks of more than one host, put right to the master's by what is estimated now: {', '.join(words)}" if words else ""
