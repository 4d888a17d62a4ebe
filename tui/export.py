"""Tables as files in the current directory."""

from pathlib import Path

from mesh.texts import iso_from_ns

TRIES_MAX = 1_000


def save_csv(name: str, text: str, wall_ns: int) -> Path:
    """Write a table as ``trademesh-NAME-TIME.csv``, the time in UTC; its whole path. No file is written over. Raises OSError."""
    stamp = iso_from_ns(wall_ns)[:19].replace("-", "").replace(":", "") + "Z"
    for number in range(1, TRIES_MAX + 1):
        path = Path(f"trademesh-{name}-{stamp}{f'-{number}' if number > 1 else ''}.csv")
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path.absolute()
    raise FileExistsError(f"{path}: it and {TRIES_MAX - 1} others like it are there already")
