"""What opens doors and passwords: the list of who is let in, private keys of doors, sealed passwords and the credential they open with."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mesh.config import parse
from mesh.doors import UNKNOWN_KEY, Doors
from mesh.errors import BadConfig
from mesh.links import LINKS
from mesh.units import SECOND_NS
from nodes.io.doorfiles import guests_of, keys_from
from nodes.io.keyfiles import folder_of, read_inventory, write_inventory, write_private
from nodes.io.keymaking import make_keys
from nodes.io.secret import Secret
from nodes.io.secretbox import Owner, SealedBox, read_sealed, seal
from nodes.io.secretkeys import CREDENTIAL, CREDENTIAL_BYTES_MAX, CREDENTIAL_BYTES_MIN, CREDENTIALS, KEY_BYTES, SYSTEMD, key_again
from tests.fuzz.mutations import EDGES, bytes_mutated, one_of, toml_mutated
from tests.fuzz.target import Target
from tests.fuzz.targets.scratch import scratch, written
from tests.smallmesh import small_mesh

NOW_NS = 1_790_000_000 * SECOND_NS
STRANGER = bytes(range(32))
PASSWORD = "a planted password"
OWNER = Owner("demo", "local-1", "demo-1", 100_001, "Demo-Server")
MATERIAL = bytes(range(100, 140))
FILE_LIMIT_MS = 50


def inventories() -> list[bytes]:
    """Of a small mesh whose links have doors."""
    return [_inventory()]


@cache
def _inventory() -> bytes:
    state = scratch("doorlist-made")
    make_keys(parse(small_mesh()), state)
    return (folder_of(state) / "inventory.toml").read_bytes()


def read_doors(raw: bytes) -> Doors:
    """Who may come in: a stranger never, whatever the file says; and what was read is read back the same from what is written of it."""
    folder = folder_of(scratch("doorlist"))
    folder.mkdir(exist_ok=True)
    (folder / "inventory.toml").write_bytes(raw)
    inventory = read_inventory(folder.parent)
    guests = guests_of(inventory)
    doors = Doors(guests)
    for link in LINKS:
        if all(key.public != STRANGER for guest in guests for key in guest.keys):
            assert doors.refusal(link, STRANGER, "127.0.0.1", NOW_NS) == UNKNOWN_KEY
        for guest in guests:
            for key in guest.keys:
                if key.from_ns > NOW_NS or key.until_ns <= NOW_NS:
                    assert doors.refusal(link, key.public, "", NOW_NS) or doors.owner(key.public) != guest
    write_inventory(folder.parent, inventory)
    assert guests_of(read_inventory(folder.parent)) == guests
    return doors


def door_keys() -> list[bytes]:
    """A private key as it lies on disk."""
    path = scratch("door-made") / "node.door"
    path.unlink(missing_ok=True)
    write_private(path, kind=X25519PrivateKey)
    return [path.read_bytes()]


def read_door_key(raw: bytes) -> object:
    """A pair of 32 bytes each."""
    path = written("door", "node.door", raw)
    path.chmod(0o600)
    keys = keys_from(path)
    assert len(keys.public) == len(keys.secret) == 32
    return keys


@contextmanager
def _credential_in(folder: Path) -> Iterator[None]:
    """As systemd tells where its credentials are."""
    before = os.environ.get(CREDENTIALS)
    os.environ[CREDENTIALS] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CREDENTIALS]
        else:
            os.environ[CREDENTIALS] = before


@cache
def _sealed() -> bytes:
    folder = scratch("sealed-made")
    path = folder / CREDENTIAL
    path.write_bytes(MATERIAL)
    path.chmod(0o400)
    with _credential_in(folder):
        key = key_again(SYSTEMD, b"", "a password")
    return seal(folder, OWNER, Secret(PASSWORD), key, "2026-11-22T00:00:00Z").read_bytes()


def sealed_files() -> list[bytes]:
    """A password sealed with a credential."""
    return [_sealed()]


def open_sealed(raw: bytes) -> Secret | None:
    """Nothing opens but the very file that was written: a byte more, less or other, and it is refused."""
    path = written("sealed", "demo-1.sealed", raw)
    path.chmod(0o600)
    sealed = read_sealed(path)
    assert sealed is not None
    if sealed.key_source != SYSTEMD:
        return None  # no key of that kind is to be had here, nor asked for
    with _credential_in(scratch("sealed-made")):
        key = key_again(sealed.key_source, sealed.key_keep, "a password")
    opened = SealedBox(path, sealed, key).open()
    assert opened.reveal() == PASSWORD
    assert raw == _sealed(), "another file opened"
    return opened


def credentials() -> list[bytes]:
    """The shortest and the longest."""
    return [bytes(CREDENTIAL_BYTES_MIN), bytes(CREDENTIAL_BYTES_MAX), MATERIAL]


def read_credential(raw: bytes) -> object:
    """A key of it where it is long enough and not too long; the same for the same bytes."""
    path = scratch("credential") / CREDENTIAL
    path.unlink(missing_ok=True)
    path.write_bytes(raw)
    path.chmod(0o400)
    with _credential_in(path.parent):
        key, again = (key_again(SYSTEMD, b"", "a password") for _ in range(2))
    assert CREDENTIAL_BYTES_MIN <= len(raw) <= CREDENTIAL_BYTES_MAX
    assert (len(key.raw()), key.raw(), key.id) == (KEY_BYTES, again.raw(), again.id)
    return key


WORDS = (
    "", "x", "passphrase", "dpapi", "A" * 40, "=", "é", "\0", "2026-11-22T00:00:00Z", -1, 0, 2**63, 2**64, 1.5, True, None, [], {}, [[]],
)  # fmt: skip


def json_mutated(raw: bytes, draw: Random) -> bytes:
    """One value of a JSON text replaced, taken out or added; what is none has its bytes changed."""
    try:
        plain = json.loads(raw)
    except ValueError:
        return bytes_mutated(raw, draw)
    if not isinstance(plain, dict) or draw.random() < 0.2:
        return bytes_mutated(raw, draw)
    inside = plain["owner"] if isinstance(plain.get("owner"), dict) and draw.random() < 0.3 else plain
    key = draw.choice([*inside, "more"])
    if draw.random() < 0.2:
        inside.pop(key, None)
    else:
        inside[key] = draw.choice(WORDS)
    return json.dumps(plain, separators=(",", ":")).encode()


def longer_or_shorter(raw: bytes, draw: Random) -> bytes:
    """Another length, near the borders."""
    return (raw + draw.choice(EDGES)) * draw.choice((1, 1, 2, 300)) if draw.random() < 0.5 else raw[: draw.randint(0, len(raw))]


TARGETS = (
    Target("doorlist", (BadConfig,), inventories, read_doors, toml_mutated, FILE_LIMIT_MS, 16_384),
    Target("doorkey", (BadConfig,), door_keys, read_door_key, bytes_mutated, FILE_LIMIT_MS),
    Target("sealed", (BadConfig,), sealed_files, open_sealed, json_mutated, FILE_LIMIT_MS),
    Target("credential", (BadConfig,), credentials, read_credential, one_of((bytes_mutated, longer_or_shorter)), FILE_LIMIT_MS, 8_192),
)
