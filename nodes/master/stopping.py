"""What follows a stop that comes to the master, from whomever: it is durable, then every router hears of the new digest."""

from mesh.core import Effect
from nodes.master.state import MasterState
from nodes.stops import Result


def take_stop(state: MasterState, raw: bytes, now_ns: int) -> list[Effect]:
    """Merge an entry or undo; once durable, every router hears of the new digest."""
    return taken(state, state.stops.take_untrusted(raw, now_ns), [])


def taken(state: MasterState, result: Result, answers: list[Effect]) -> list[Effect]:
    """What follows a stop that was looked at."""
    told: list[Effect] = [*([state.heartbeat()] if result.item is not None else []), *answers]
    return [*result.notes, state.commits.make(result.puts, lambda _: told)] if told or result.puts else result.notes
