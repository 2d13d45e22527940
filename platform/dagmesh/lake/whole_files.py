"""Small files written whole: a reader sees the old one or the new one, also after a crash, never a part."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def replace_whole(path: Path, text: str) -> None:
    """Let the file say this, at once."""
    beside = _beside(path)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def create_secret(path: Path, content: bytes) -> None:
    """Write a file for its owner only, on the disk when this returns; of several who try, the first one's stays."""
    beside = _beside(path)
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")
