"""The keys that passwords are sealed with: of the operating system, which needs nobody there, or of a passphrase.

``dpapi`` is a random key that Windows gives back to the same user of the same machine. ``systemd`` is the credential ``trademesh.key`` in
``$CREDENTIALS_DIRECTORY``. ``passphrase`` is typed on the terminal, or taken from ``MESH_PASSPHRASE``: unattended restarts have neither.
"""

import getpass
import os
import sys
import warnings
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mesh.errors import BadConfig, BadUsage
from nodes.io import dpapi
from nodes.io.keyfiles import PASSPHRASE
from nodes.io.secret import Secret

Source = Literal["dpapi", "systemd", "passphrase"]
DPAPI: Source = "dpapi"
SYSTEMD: Source = "systemd"
TYPED: Source = "passphrase"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
CREDENTIAL = "trademesh.key"
CREDENTIAL_BYTES_MIN, CREDENTIAL_BYTES_MAX = 32, 4_096
KEPT_AT = f"/etc/credstore.encrypted/{CREDENTIAL}"
MADE_HERE = f"head -c 32 /dev/urandom | systemd-creds encrypt --name={CREDENTIAL} - {KEPT_AT}"
LOADED = f"LoadCredentialEncrypted={CREDENTIAL}:{KEPT_AT}"
KEY_BYTES, ID_BYTES, SALT_BYTES = 32, 8, 16
SCRYPT_N = 1 << 17
"""With r = 8: 128 MiB and some half a second for each guess. Part of version 1 of the sealed file."""


class SealingKey:
    """A key: ``keep`` is what a file has to hold, beside its source, to have it again; ``id`` tells it from another one."""

    __slots__ = ("_raw", "id", "keep", "source")

    def __init__(self, source: Source, material: bytes, keep: bytes) -> None:
        derived = HKDF(SHA256(), KEY_BYTES + ID_BYTES, None, b"trademesh sealed password").derive(material)
        self._raw, self.id = derived[:KEY_BYTES], derived[KEY_BYTES:].hex()
        self.source = source
        self.keep = keep

    def raw(self) -> bytes:
        """The 32 bytes."""
        return self._raw

    def __repr__(self) -> str:
        return f"SealingKey({self.source} {self.id})"


def system_source() -> Source:
    """The source this system has. Raises BadUsage saying how to get one."""
    if sys.platform == "win32":
        return DPAPI
    if os.environ.get(CREDENTIALS):
        return SYSTEMD
    raise BadUsage(
        f"the system gives this process no key: ${CREDENTIALS} is not set. Make one with `{MADE_HERE}` and start this with `systemd-run "
        f"--pty --wait -p {LOADED} …`; or --passphrase, which an unattended restart does not have"
    )


def new_key(source: Source, what: str) -> SealingKey:
    """A key to seal with; ``what`` it is for, where a passphrase is asked. Raises BadConfig, BadUsage."""
    if source == DPAPI:
        material = os.urandom(KEY_BYTES)
        return SealingKey(source, material, dpapi.protect(material))
    if source == SYSTEMD:
        return SealingKey(source, _credential(), b"")
    salt = os.urandom(SALT_BYTES)
    return SealingKey(source, _stretched(_new_passphrase(what), salt), salt)


def key_again(source: Source, keep: bytes, what: str) -> SealingKey:
    """The key of a file. Raises BadConfig."""
    if source == DPAPI:
        return SealingKey(source, dpapi.unprotect(keep), keep)
    if source == SYSTEMD:
        return SealingKey(source, _credential(), keep)
    return SealingKey(source, _stretched(_known_passphrase(what), keep), keep)


def child_environment() -> dict[str, str]:
    """The environment of a process that is started here: without the passphrase, which no child needs."""
    return {name: value for name, value in os.environ.items() if name != PASSPHRASE}


def _credential() -> bytes:
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise BadConfig(
            f"the key is systemd's credential {CREDENTIAL}, and ${CREDENTIALS} is not set: start this by systemd, with {LOADED} in its unit"
        )
    path = Path(folder) / CREDENTIAL
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(CREDENTIAL_BYTES_MAX + 1)
    except OSError as error:
        raise BadConfig(f"{path}: this credential cannot be read: {error.strerror}; `{MADE_HERE}` makes one") from None
    if mode & 0o037:  # not the group's right to read: it is how systemd's own access lists are shown (0440)
        raise BadConfig(f"{path}: others may read or change this credential; `chmod 400 {path}`")
    if not CREDENTIAL_BYTES_MIN <= len(raw) <= CREDENTIAL_BYTES_MAX:
        allowed = f"{CREDENTIAL_BYTES_MIN} to {CREDENTIAL_BYTES_MAX} random bytes are expected"
        raise BadConfig(f"{path}: this credential has {min(len(raw), CREDENTIAL_BYTES_MAX + 1)} bytes; {allowed}: `{MADE_HERE}`")
    return raw


def _stretched(passphrase: Secret, salt: bytes) -> bytes:
    return Scrypt(salt, KEY_BYTES, SCRYPT_N, 8, 1).derive(passphrase.reveal().encode())


def _known_passphrase(what: str) -> Secret:
    known = os.environ.get(PASSPHRASE)
    if known is not None:
        return Secret(known)
    if not sys.stdin.isatty():
        raise BadConfig(
            f"{what} is sealed with a passphrase, and nobody is here to type it: start this node by hand (`mesh node NAME`), or seal it "
            "with the system's key (`mesh secret set` without --passphrase), which a restart by supervisord and a reboot need"
        )
    return typed(f"passphrase of {what}: ")


def _new_passphrase(what: str) -> Secret:
    known = os.environ.get(PASSPHRASE)
    if known is not None:
        return _not_empty(Secret(known))
    if not sys.stdin.isatty():
        raise BadUsage(f"--passphrase: set {PASSPHRASE}, or use a terminal")
    return typed_twice(f"passphrase of {what}: ")


def typed_twice(prompt: str) -> Secret:
    """A word typed without echo, and once more. Raises BadUsage where the two differ or are empty."""
    first, second = typed(prompt), typed("once more: ")
    if first.reveal() != second.reveal():
        raise BadUsage("the two differ; nothing was written")
    return _not_empty(first)


def typed(prompt: str) -> Secret:
    """A word typed on the terminal without echo. Raises BadUsage where that cannot be had."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return Secret(getpass.getpass(prompt))
        except (getpass.GetPassWarning, EOFError):
            raise BadUsage("nothing can be typed here without being shown: use another terminal, or a pipe") from None


def _not_empty(word: Secret) -> Secret:
    if not word.reveal():
        raise BadUsage("it is empty; nothing was written")
    return word
