"""Files on this machine's disks that appear whole or not at all. (What is in the store, the store itself writes.)"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Gives the block a path beside `path` to write to; what is written there takes the name `path` when the block ends
    well, by an atomic rename, and is deleted when it raises.

    The path is the same each time, so that a killed process leaves no more than one file, which the next one overwrites:
    the caller sees to it (by a lock on the folder, say) that one process at a time writes a file.
    """
    fresh = path.with_name(f".{path.name}.writing")
    try:
        yield fresh
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8; the file is there whole or not at all. Raises OSError."""
    with appearing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
