"""``kill``: from the operator's command to the word LATCHED of every account, each durable before it is said.

Real nodes with their disks; a FREEZE of everything is sent to the router and to the master as `mesh kill` does, then undone. Each account's
answer is one latency; ``last`` is the one the operator waits for.
"""

import secrets
import time

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.layout import account_of
from bench.rig.meshchain import MeshChain
from bench.scenario import Options, Progress, Scenario
from mesh.codec import encode
from mesh.io.clock import monotonic_ns
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages.control import FREEZE, Entry, Latched, Undo
from nodes.io.cli.client import Client
from nodes.io.keyfiles import operator_signer

LOCALS, SMOKE_LOCALS = 16, 2
ROUNDS, SMOKE_ROUNDS = 30, 2
OPERATOR = "bench"
LATCHED_S = 10.0
APART_S = 0.1


def latched_ns(client: Client, signer: Signer, item: Entry | Undo, accounts: set[str]) -> list[int]:
    """Send a stop or an undo everywhere; ns until each account that answered in time has said LATCHED with it."""
    key, signed = entry_id(encode(item)), signer.signed(item)
    left, found = set(accounts), []
    began_ns = monotonic_ns()
    for node in (*client.config.nodes_of("router"), *client.config.nodes_of("master")):
        client.send(node, signed)
    give_up_ns = began_ns + int(LATCHED_S * 1e9)
    while left and (now_ns := monotonic_ns()) < give_up_ns:
        for _, message in client.pump(100):
            if isinstance(message, Latched) and key in message.entries and message.account in left:
                left.discard(message.account)
                found.append(max(now_ns, monotonic_ns()) - began_ns)
    return found


def run(options: Options, progress: Progress) -> list[Measured]:
    """Freeze and resume, a few times."""
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    count = options.locals or (SMOKE_LOCALS if options.is_smoke else LOCALS)
    accounts = {account_of(number) for number in range(1, count + 1)}
    each_ns: list[int] = []
    last_ns: list[int] = []
    mesh = MeshChain(locals_count=count, is_durable=True, idle=options.idle)
    progress.begin("kill", rounds)
    try:
        mesh.start()
        with Client(mesh.config) as client:
            client.greet(OPERATOR)
            signer = operator_signer(mesh.config, mesh.state, None)
            for _ in range(rounds):
                entry = Entry(signer.name, secrets.randbits(62), time.time_ns(), FREEZE, "all", "bench")
                answered_ns = latched_ns(client, signer, entry, accounts)
                each_ns += answered_ns
                if len(answered_ns) == count:
                    last_ns.append(max(answered_ns))
                undo = Undo(signer.name, secrets.randbits(62), time.time_ns(), [entry_id(encode(entry))], "bench")
                latched_ns(client, signer, undo, accounts)
                time.sleep(APART_S)
                progress.advance()
    finally:
        mesh.stop()
    counted = Counted(sent=count * rounds, received=len(each_ns), lost=count * rounds - len(each_ns))
    stages = {"each": Stage.of(Latencies(each_ns)), "last": Stage.of(Latencies(last_ns))}
    return [Measured("kill", "mesh", {"locals": count}, counted=counted, stages=stages)]


SCENARIO = Scenario("kill", "an operator's stop of everything until every account has said LATCHED", run)
