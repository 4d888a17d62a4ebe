"""An outcome whose archived row was pruned, made again of what stays for ever: that its order is known, and whether it did anything."""

from mesh.messages.base import Oid
from mesh.messages.outcomes import Outcome, Stamps

UNKNOWN = "-"
"""For names, which may not be empty."""
DETAIL = "pruned=outcome"
"""Says that numbers and names are not known any more, not that they are nothing."""


def shortened(account: str, life: int, f: int, oid: Oid, is_executed: bool) -> Outcome:
    """The outcome ``f`` of an order of long ago: FILLED where it did something, SUPERSEDED where it did nothing."""
    return Outcome(
        account=account,
        life=life,
        e=0,
        f=f,
        oid=oid,
        sid=UNKNOWN,
        strategy=UNKNOWN,
        leg=UNKNOWN,
        action=UNKNOWN,
        code="FILLED" if is_executed else "SUPERSEDED",
        final=True,
        cause=UNKNOWN,
        detail=DETAIL,
        symbol=UNKNOWN,
        side=0,
        volume_e8=0,
        price_e8=0,
        profit_e8=0,
        order_ticket=0,
        position_ticket=0,
        deal_ticket=0,
        retcode=0,
        attempt=0,
        market_ns=0,
        stamps=Stamps(),
    )
