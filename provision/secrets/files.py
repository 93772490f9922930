"""Writing encrypted files, and showing their plain text to an editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from provision.errors import InputError, Mark, ProvisionError

__all__ = ["edit_plain", "read_bytes", "write_atomically"]

_MEMORY = Path("/dev/shm")  # noqa: S108  # plain text is shown from memory, never from a disk


def read_bytes(path: Path) -> bytes:
    """Raises InputError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError("cannot read file", mark=Mark(str(path)), why=exc.strerror or "") from exc


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path`, or the file its symlink names, with `data`: the old or the new content
    is there at any time. An existing file keeps its mode and owner; a new one gets `mode`.

    Raises InputError when it cannot be written.
    """
    target = path.resolve()
    try:
        before = target.stat() if target.exists() else None
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                if before:
                    _keep_owner(stream.fileno(), before)
                os.fchmod(stream.fileno(), before.st_mode & 0o7777 if before else mode)
                os.fsync(stream.fileno())
            os.replace(name, target)  # noqa: PTH105
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)
    except OSError as exc:
        raise InputError("cannot write file", mark=Mark(str(path)), why=exc.strerror or "") from exc


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except PermissionError:
        pass  # not root: the new file is ours, as it would be with any editor


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def edit_plain(plain: bytes, name: str) -> bytes:
    """What the user's editor makes of `plain`; `name` lets it know the kind of file.

    The text lies in a private directory in memory for as long as the editor runs. Raises
    ProvisionError when the editor fails.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    where = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="provision-vault-", dir=where))
    try:
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(plain)
        try:
            done = subprocess.run([*command, str(path)], check=False)
        except OSError as exc:
            hint = "name another one in $EDITOR"
            raise ProvisionError(
                f"cannot start editor {command[0]!r}", why=exc.strerror or "", hint=hint
            ) from exc
        if done.returncode:
            raise ProvisionError(
                f"editor {command[0]!r} failed with exit code {done.returncode}",
                hint="the encrypted file was left as it is",
            )
        return path.read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
