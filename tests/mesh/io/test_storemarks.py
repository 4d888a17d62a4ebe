"""A file is written whole or not at all, also where a disk takes a part of it before it is full."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
from pathlib import Path
from mesh.io.storemarks import write_whole
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))
try:
    write_whole(path, b"n" * 6_000)
except OSError as error:
    sys.exit(error.errno)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="platform: no limit of a file's size")
def test_what_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """4 KiB fit of 6,000 bytes: an error, the good file stays, and nothing beside it."""
    path = tmp_path / "file"
    path.write_bytes(b"o" * 6_000)
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == 27, done.stderr
    assert path.read_bytes() == b"o" * 6_000
    assert list(tmp_path.iterdir()) == [path]
