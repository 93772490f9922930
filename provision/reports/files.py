"""Reports that are files: the old content or the new, never half."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from provision.errors import InputError, Mark, ProvisionError

__all__ = ["check_target", "write_text"]


def check_target(path: Path, what: str) -> None:
    """Raises InputError when `path` could not be written later."""
    folder = path.parent
    if path.is_dir() or not os.access(folder, os.W_OK):
        why = "it is a directory" if path.is_dir() else f"no way to write to {folder}"
        raise InputError(f"{what} cannot be written here", mark=Mark(str(path)), why=why)


def write_text(path: Path, pieces: Iterable[str], what: str, *, mode: int = 0o644) -> None:
    """Replaces `path`. Raises ProvisionError; the old content is there then."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix="~", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.writelines(pieces)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise ProvisionError(
            f"{what} could not be written", mark=Mark(str(path)), why=exc.strerror or ""
        ) from exc
