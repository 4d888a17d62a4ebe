"""Words of the master that a router has changed or made up, and that are believed all the same."""

from tests.sim.mutants.mutant import Mutant

SEALS = (
    Mutant(
        "order_seal_not_checked",
        "§5: the MAC covers (e, n, account, k, volume, body)",
        "nodes/local/seals.py",
        "        head = order_head(order, body)\n",
        "        return None\n        head = order_head(order, body)\n",
    ),
    Mutant(
        "grant_seal_not_checked",
        "I3: leave that a router made up lets what is too late be opened",
        "nodes/local/seals.py",
        "lambda key: grant_mac(key, grant)):",
        "lambda key: grant.mac):",
    ),
    Mutant(
        "welcome_seal_not_checked",
        "§6.8: what the master holds is the master's word",
        "nodes/local/seals.py",
        "lambda key: welcome_mac(key, welcome)):",
        "lambda key: welcome.mac):",
    ),
    Mutant(
        "gap_fill_seal_not_checked",
        "I5: only the master's word ends an order that was not seen",
        "nodes/local/seals.py",
        "self._is_sealed(row.mac, partial(expired_mac, e=fill.e, row=row)):",
        "row.k:",
    ),
    Mutant(
        "void_seal_not_checked",
        "§6.8: what may no longer run is the master's word",
        "nodes/local/seals.py",
        "self._is_sealed(void.mac, lambda key: void_mac(key, void)):",
        "void.lines:",
    ),
    Mutant(
        "ack_seal_not_checked",
        "§6.3: an outcome is repeated until the master has it",
        "nodes/local/seals.py",
        "self._is_sealed(ack.mac, lambda key: ack_mac(key, ack)):",
        "ack.f:",
    ),
    Mutant(
        "seal_without_the_body",
        "§5: the MAC covers the body as it came",
        "mesh/sealing.py",
        "order.oid, blake2b(body, digest_size=32).digest()))",
        "order.oid))",
    ),
    Mutant(
        "seal_without_the_target",
        "§5: the MAC covers its own target",
        "mesh/sealing.py",
        "target.account, target.k, target.symbol, target.volume_e8,",
        "target.account, target.k, target.symbol,",
    ),
    Mutant(
        "seal_without_the_clock",
        "§6.5: a deadline is mapped by the clock of who granted",
        "mesh/sealing.py",
        "grant.kill_digest, grant.clock_ns,",
        "grant.kill_digest,",
    ),
)
