"""A hello that is not accepted: its sender gets no welcome and stays a stranger; the log says why."""

from mesh.core import Note
from mesh.counters import Counters
from mesh.messages import PROTOCOL_VERSION


def version_refusal(version: int) -> str:
    """Why a hello of this protocol version is refused; empty where it is ours, the one before or the one after: hosts change one by one."""
    return "" if version and abs(version - PROTOCOL_VERSION) <= 1 else f"version={version} ours={PROTOCOL_VERSION}"


def refused(counters: Counters, who: str, why: str) -> Note:
    """What a listening node makes of a hello it refuses: counted as a stranger's, and told."""
    counters.add("stranger_count")
    return Note("error", "hello_refused", {"who": who, "why": why})
