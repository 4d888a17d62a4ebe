"""Keys of a mesh that ends with its process: simulations, benches, tests."""

from hashlib import sha256

from mesh.config import Config
from mesh.keyring import ISSUING_ROLES, OPERATOR, RIGHTS, STOP, Holder, Keyring, NodeKeys, Signer


class DrawnKeys:
    """Keys drawn from a seed: who knows it can sign.

    Two operators: ``operator`` may do everything, ``stopper`` may only stop.
    """

    def __init__(self, config: Config, seed: bytes = b"drawn") -> None:
        self._mesh_id = config.settings.mesh.id
        self._seed = seed
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
        return NodeKeys(self.keyring, self.signer(node))
