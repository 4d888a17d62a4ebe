"""``python -m tests.golden.freeze``: freeze the bytes of messages that are new or have a new field. What is frozen stays.

``messages.json``: name → the bytes its sample ever had, oldest first. All of them must decode for ever, the last is today's.
"""

import json
from pathlib import Path

from mesh.codec import encode
from mesh.messages import MESSAGE_TYPES
from tests.message_values import sample_of

FILE = Path(__file__).with_name("messages.json")


def frozen() -> dict[str, list[str]]:
    """What ``messages.json`` holds."""
    return json.loads(FILE.read_text("ascii")) if FILE.exists() else {}


def main() -> None:
    known = frozen()
    for kind in MESSAGE_TYPES:
        versions = known.setdefault(kind.__name__, [])
        now = encode(sample_of(kind)).hex()
        if now not in versions[-1:]:
            versions.append(now)
            print(f"{kind.__name__}: version {len(versions)}")
    FILE.write_text(json.dumps(known, indent=1) + "\n", "ascii")


if __name__ == "__main__":
    main()
