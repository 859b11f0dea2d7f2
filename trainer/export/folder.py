"""The folder of an export: it is there whole, or not at all, and replaces nothing that it doesn't know."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class NotExportable(Exception):
    """The checkpoint can't be loaded by those whom it is exported for; the message says why and what to do."""


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, which takes its name at the end. Raises NotExportable where `out` holds something."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise NotExportable(f"{out}: something is there already; name another folder, or remove it")
    fresh = out.with_name(f".{out.name}.writing")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        readable = fresh.stat().st_mode & 0o666  # safetensors writes files that their owner alone can read
        for file in fresh.rglob("*"):
            if file.is_file():
                file.chmod(readable)
        if out.is_dir():
            out.rmdir()
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_json(file: Path, values: dict[str, Any]) -> None:
    file.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
