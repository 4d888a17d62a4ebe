"""A lock on a file that ends with its process, however that ends; the file says who holds it."""

import os
import sys
from pathlib import Path

from mesh.errors import StoreInUse

if sys.platform == "win32":
    import msvcrt

    _FAR_AWAY = 1 << 20
    """The locked byte lies behind the text, because Windows lets nobody read what is locked."""

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR_AWAY, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Held from construction to ``close`` or the end of the process. Raises StoreInUse naming the holder."""

    def __init__(self, path: Path, what: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._descriptor)
        except OSError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreInUse(
                f"{what} is in use by pid {holder or 'unknown'} (lock {path}); stop that process, or give another --state"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def close(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._descriptor)
