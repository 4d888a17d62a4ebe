"""Windows' Data Protection API: bytes that only this user of this machine can have again, after a reboot too and with nobody there.

Called through ctypes; ``libraries`` takes the place of Windows' own in tests. It was never run on a real Windows.
"""

import ctypes
from typing import Any

from mesh.errors import BadConfig

UI_FORBIDDEN = 0x1
"""A service has no desktop: it fails rather than ask."""
DESCRIPTION = "trademesh"


class Blob(ctypes.Structure):
    """Windows' DATA_BLOB: a length and a pointer."""

    _fields_ = (("size_bytes", ctypes.c_uint32), ("data", ctypes.POINTER(ctypes.c_char)))


class Libraries:
    """crypt32 and kernel32, with the code of the last error. Raises BadConfig where there are none."""

    def __init__(self) -> None:
        library: Any = ctypes.CDLL  # on 64 bits, the only ones MetaTrader's package has, there is one calling convention
        try:
            self.crypt32: Any = library("crypt32", use_last_error=True)
            self.kernel32: Any = library("kernel32")
        except OSError:
            raise BadConfig("the key is Windows' own (DPAPI), and this is no Windows: seal the password on this machine") from None

    def last_error(self) -> int:
        """Windows' code of why a call failed."""
        windows: Any = ctypes
        return int(windows.get_last_error())


def protect(raw: bytes, libraries: Any = None) -> bytes:
    """What keeps ``raw`` for this user. Raises BadConfig."""
    return _called("CryptProtectData", raw, DESCRIPTION, libraries or Libraries(), "Windows does not protect a key")


def unprotect(kept: bytes, libraries: Any = None) -> bytes:
    """What was protected. Raises BadConfig for any other user, any other machine, and bytes that were changed."""
    why = "Windows does not give the key: only the user who sealed it can have it, on the same machine"
    return _called("CryptUnprotectData", kept, None, libraries or Libraries(), why)


def _called(name: str, raw: bytes, description: str | None, libraries: Any, why: str) -> bytes:
    buffer = ctypes.create_string_buffer(raw, len(raw))
    given, made = Blob(len(raw), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char))), Blob()
    function = getattr(libraries.crypt32, name)
    if not function(ctypes.byref(given), description, None, None, None, UI_FORBIDDEN, ctypes.byref(made)):
        raise BadConfig(f"{why} ({name}: error {libraries.last_error()})")
    found = ctypes.string_at(made.data, made.size_bytes)
    ctypes.memset(made.data, 0, made.size_bytes)
    libraries.kernel32.LocalFree(made.data)
    return found
