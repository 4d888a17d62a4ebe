"""The state directory of one ``mesh up``: locked before anything in it is touched, until that process ends.

Two of them on one directory would share stores, supervisord's socket and the summary; the second is refused, naming the first.
"""

import shutil
from pathlib import Path

from mesh.errors import BadConfig, MeshError
from mesh.io.lock import FileLock

LOCK = "mesh-up.lock"


class StateDirectory:
    """``is_fresh``: begin with an empty one, what the last run left is kept beside it; else what is there is resumed.

    Raises StoreInUse, BadConfig.
    """

    def __init__(self, path: Path, is_fresh: bool) -> None:
        self.path = path.absolute()
        self._locks = [self._locked(self.path)]
        if is_fresh and any(self.path.glob("*.db")):
            try:
                self._put_aside()
            except MeshError:
                self.close()
                raise

    def _put_aside(self) -> None:
        """Keep the last run's beside it; an older one goes."""
        last = self.path.with_name(self.path.name + ".last")
        try:
            if last.exists():
                self._locked(last).close()  # somebody may have resumed it
                shutil.rmtree(last)
            self.path.rename(last)
        except OSError as error:
            raise BadConfig(f"state {self.path}: the last run cannot be put aside: {error}; give another --state") from None
        # The lock went with it and is kept: who opened it by its old name a moment ago does not get it either.
        self._locks.append(self._locked(self.path))

    def close(self) -> None:
        """Let others have it."""
        for lock in self._locks:
            lock.close()

    def _locked(self, path: Path) -> FileLock:
        try:
            path.mkdir(parents=True, exist_ok=True)
            return FileLock(path / LOCK, f"state {path}")
        except OSError as error:
            raise BadConfig(f"--state {path}: cannot be made or written: {error}; give another --state") from None
