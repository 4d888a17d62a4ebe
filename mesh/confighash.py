"""Which configuration a node runs, as its hello says it, and whether two of them may work together.

A **lineage** is the fingerprint of the configuration a node runs and, each after a space, those it came from by live changes
(``mesh.revisions``) and the one its host ran before. Changes and upgrades go host by host: two nodes agree where one runs what the other
runs or came from.
"""


def lineage(fingerprint: str, before: str = "") -> str:
    """The words of a hello. ``before``: a fingerprint or a lineage; empty where the host has never run another one."""
    return f"{fingerprint} {before}".strip()


def agree(ours: str, theirs: str) -> bool:
    """Whether two lineages have a configuration in common that one of them runs now."""
    our, their = ours.split(), theirs.split()
    return bool(our and their) and (our[0] in their or their[0] in our)
