"""Files on the controller that are there whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes | str, mode: int | None = None) -> None:
    """Replaces a file in one step; links are followed. `mode` None keeps what it had, for a new
    one what the umask leaves. Raises OSError."""
    path = path.resolve()
    content = data.encode() if isinstance(data, str) else data
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
            os.fchmod(fd, mode)
            stream.flush()
            os.fsync(fd)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    value = os.umask(0o077)
    os.umask(value)
    return value
