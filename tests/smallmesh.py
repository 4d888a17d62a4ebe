"""The TOML of a small mesh: a node of each role under the name it always has, and a local for each account. Tests configure theirs by it.

What a test is about goes into ``head`` and into the accounts' own sections, so that nothing else stands there.
"""

from collections.abc import Mapping

BRAIN = {"market-1": "market", "broker-1": "broker", "cci-1": "indicator", "signals-1": "signals", "master-1": "master"}
FIRST_LOGIN = 5_001
ONE: Mapping[str, str] = {"one": ""}


def small_mesh(
    head: str = "[strategy.reversion]",
    accounts: Mapping[str, str] = ONE,
    *,
    routers_count: int = 1,
    broker: bool = True,
    local: str = "",
    first_login: int = FIRST_LOGIN,
    plain: bool = True,
) -> str:
    """Any sections before the rest (``head``), then each account with the further lines of its section, then the nodes.

    Account ``i`` (from 1) has ``local-i`` and the login ``first_login + i - 1``. ``local``: further lines of each local's section;
    ``broker``: False where every terminal is a real one; ``plain``: links without keys, for tests that stand in for nodes.
    """
    said = "plain = true" if plain else "plain = false"
    parts = [head.replace("[mesh]", f"[mesh]\n{said}", 1) if "[mesh]" in head else f"{head}\n[mesh]\n{said}"]
    for login, (account, lines) in enumerate(accounts.items(), start=first_login):
        parts.append(f"[account.{account}]\nlogin = {login}\n{lines}")
    nodes = BRAIN | {f"router-{number}": "router" for number in range(1, routers_count + 1)}
    parts += [f'[node.{name}]\nrole = "{role}"' for name, role in nodes.items() if broker or role != "broker"]
    for number, account in enumerate(accounts, start=1):
        parts.append(f'[node.local-{number}]\nrole = "local"\naccount = "{account}"\n{local}')
    return "\n".join(parts) + "\n"
