"""Where a link is dialled instead of where it listens: proxies between the nodes that drop, delay and reset what passes.

``MESH_DETOUR=FILE`` names a JSON object, dialler → endpoint → endpoint to dial instead; without it every link goes straight. Only
`make chaos` and tests set it.
"""

import os
from functools import cache
from pathlib import Path

import msgspec

from mesh.errors import BadConfig

VARIABLE = "MESH_DETOUR"


def is_set() -> bool:
    """Whether links may be turned: then each goes by TCP, which alone can be."""
    return bool(os.environ.get(VARIABLE))


def detour(dialler: str, endpoint: str) -> str:
    """Where ``dialler`` dials ``endpoint``. Raises BadConfig where the file that was named cannot be read."""
    path = os.environ.get(VARIABLE, "")
    return _table(path).get(dialler, {}).get(endpoint, endpoint) if path else endpoint


@cache
def _table(path: str) -> dict[str, dict[str, str]]:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=dict[str, dict[str, str]])
    except (OSError, msgspec.MsgspecError) as error:
        raise BadConfig(f"{VARIABLE}={path}: {error}; unset it for real trading, or name a JSON object of objects") from None
