"""What a master seals before it has met a local: an honest word is never taken for a forged one."""

from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.messages.orders import Grant
from mesh.sealing import grant_mac
from nodes.master.account import Account
from nodes.master.sealer import Sealer
from tests.smallmesh import small_mesh


def test_refusal_before_the_first_hello_is_sealed_all_the_same() -> None:
    """A master that has just come up answers questions before hellos: with the newest key that the local may have."""
    config = parse(small_mesh(accounts={"a1": ""}, plain=False))
    keys = DrawnKeys(config)
    master, local = keys.of("master-1").agreement, keys.of("local-1").agreement
    assert local is not None
    account = Account("a1", config)
    grant = Sealer(config, master).grant(account, Grant("a1", 1, 5, 0, 0, b"", 1_000, 0, "NEW_EPOCH"))
    assert account.seal_key == b""
    assert local.is_sealed("master-1", "a1", grant.mac, lambda key: grant_mac(key, grant))


def test_plain_links_seal_nothing() -> None:
    """There is no key to do it with."""
    config = parse(small_mesh(accounts={"a1": ""}))
    grant = Grant("a1", 1, 5, 0, 0, b"", 1_000, 0)
    assert Sealer(config, None).grant(Account("a1", config), grant) is grant
