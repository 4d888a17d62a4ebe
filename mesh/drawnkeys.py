"""Keys of a mesh that ends with its process: simulations, benches, tests."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mesh.config import Config
from mesh.keyring import ISSUING_ROLES, OPERATOR, RIGHTS, STOP, Holder, Keyring, NodeKeys, Signer
from mesh.sealing import Agreement


class DrawnKeys:
    """Keys drawn from a seed: who knows it can sign.

    Two operators: ``operator`` may do everything, ``stopper`` may only stop.
    """

    def __init__(self, config: Config, seed: bytes = b"drawn") -> None:
        self._mesh_id = config.settings.mesh.id
        self._seed = seed
        self._is_plain = config.settings.mesh.plain
        self._publics: dict[str, bytes] = {}
        operators = [
            Holder("operator", OPERATOR, self.signer("operator").public, RIGHTS),
            Holder("stopper", OPERATOR, self.signer("stopper").public, (STOP,)),
        ]
        nodes = [
            Holder(name, node.role, self.signer(name).public, account=node.account or "")
            for name, node in config.node.items()
            if node.role in ISSUING_ROLES
        ]
        self.keyring = Keyring(self._mesh_id, [*operators, *nodes])

    def signer(self, name: str) -> Signer:
        """The private key of a name."""
        return Signer(self._mesh_id, name, sha256(self._seed + b"\0" + name.encode()).digest())

    def of(self, node: str) -> NodeKeys:
        """What a node gets."""
        return NodeKeys(self.keyring, self.signer(node), None if self._is_plain else self.agreement(node))

    def agreement(self, node: str) -> Agreement:
        """A node's door key, of which everybody knows the public half."""
        return Agreement(self._mesh_id, self._door(node), lambda name: [self._public(name)])

    def _door(self, name: str) -> bytes:
        return sha256(self._seed + b"\0door\0" + name.encode()).digest()

    def _public(self, name: str) -> bytes:
        known = self._publics.get(name)
        if known is None:
            known = self._publics[name] = X25519PrivateKey.from_private_bytes(self._door(name)).public_key().public_bytes_raw()
        return known
