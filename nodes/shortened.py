"""An outcome whose archived row was pruned, made again of what stays for ever: how its order ended, and how many lots it did."""

from mesh.messages.base import NO_OID, Oid
from mesh.messages.outcomes import FINAL_CODES, Outcome, Stamps
from nodes.codes import NOBODY, WORKING

PRUNED = "pruned=outcome"
"""Detail that says that all numbers and names but code and lots are not known any more, not that they are nothing."""


def shortened(account: str, life: int, f: int, oid: Oid = NO_OID, code: str = WORKING, volume_e8: int = 0) -> Outcome:
    """The outcome ``f`` of long ago: how the order ``oid`` ended; without one, what fills the number of a word that has no meaning now."""
    return Outcome(
        account=account,
        life=life,
        e=0,
        f=f,
        oid=oid,
        sid=NOBODY,
        strategy=NOBODY,
        leg=NOBODY,
        action=NOBODY,
        code=code,
        final=code in FINAL_CODES,
        cause=NOBODY,
        detail=PRUNED,
        symbol=NOBODY,
        side=0,
        volume_e8=volume_e8,
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
