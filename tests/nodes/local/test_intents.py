"""What is to become of an order now, and whether it may still go when its INTENT is written."""

from mesh.units import SECOND_NS
from nodes.codes import EXPIRED
from nodes.local.intents import End
from nodes.local.jobs import Job
from nodes.local.orderintake import nameless
from tests.nodes.local.localrig import Rig


def test_open_late_at_its_call_is_counted_once_when_it_ends() -> None:
    """Its time ran out while its INTENT was written: it does not go, and only its end counts."""
    rig = Rig().ready()
    local = rig.local()
    job = Job(nameless(b"late".ljust(16), local._state.stream.e), rig.net.now_ns - 60 * SECOND_NS)
    assert not local._desk._intents.may_go(job, rig.net.now_ns)
    verdict = local._desk._intents.verdict(job, rig.net.now_ns)
    assert isinstance(verdict, End)
    assert (verdict.code, local.counters.totals["expired_count"]) == (EXPIRED, 1)
