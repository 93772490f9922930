"""Builds channel and installers once, and keeps them under a name made of the recipe's hash."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from provision.errors import LabError

__all__ = ["Built", "build", "cache_folder", "in_use", "recipe_hash"]

_KEEP = 2


@dataclass(frozen=True, slots=True)
class Built:
    """`channel` has linux-64 and noarch; `installers` the shell scripts."""

    folder: Path

    @property
    def channel(self) -> Path:
        return self.folder / "channel"

    @property
    def installers(self) -> Path:
        return self.folder / "miniconda"


def cache_folder() -> Path:
    """Where builds and fetched files are kept: $PROVISION_CACHE, else the system's cache."""
    return Path(os.environ.get("PROVISION_CACHE", "/var/cache/provision"))


def recipe_hash(room: Path = Path(__file__).parent) -> str:
    """Of everything that decides what is built: this room's files that build, and the stand-in."""
    serving = {
        "server.py",
        "daemon.py",
        "files.py",
        "faults.py",
        "pypi.py",
        "apt.py",
        "upstream.py",
        "__init__.py",
        "__main__.py",
    }
    digest = hashlib.sha256()
    for path in sorted([*room.glob("*"), *room.glob("standin/*.py")]):
        if path.is_file() and not (path.parent == room and path.name in serving):
            digest.update(f"{path.relative_to(room)}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(cache: Path | None = None, progress: Callable[[str], None] = lambda _: None) -> Built:
    """What is cached for this recipe, built first when it is missing. Raises LabError.

    A second builder waits for the first; a build that was killed leaves nothing with the name.
    """
    cache = cache or cache_folder()
    final = cache / f"mirror-{recipe_hash()}"
    if (final / "built.json").is_file():
        return Built(final)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "mirror.lock"):
            if not (final / "built.json").is_file():
                _build(cache, final, progress)
    except PermissionError as error:
        raise LabError(
            f"the mirror cannot be kept in {cache}",
            why=str(error),
            hint="run as root, or set PROVISION_CACHE",
        ) from error
    return Built(final)


def _build(cache: Path, final: Path, progress: Callable[[str], None]) -> None:
    from provision.lab.mirror.channel import build_channel
    from provision.lab.mirror.installer import Installers
    from provision.lab.mirror.recipe import CONDA_VERSIONS

    for stale in cache.glob(".mirror-*"):
        shutil.rmtree(stale, ignore_errors=True)
    staged = Path(tempfile.mkdtemp(prefix=".mirror-", dir=cache))
    try:
        work = staged / "work"
        work.mkdir()
        build_channel(staged / "channel", work, cache / "mirror-downloads", progress)
        progress("packing the installers")
        Installers(staged / "channel", work).build(CONDA_VERSIONS, staged / "miniconda")
        shutil.rmtree(work)
        (staged / "built.json").write_text(json.dumps({"recipe": recipe_hash()}) + "\n")
        staged.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        staged.rename(final)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _prune(cache, final)


def in_use(built: Built) -> BinaryIO:
    """While the returned file is open, no other build removes this one."""
    file = (built.folder / "built.json").open("rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def _prune(cache: Path, keep: Path) -> None:
    """Removes older builds that no server serves from."""
    others = sorted(
        (path for path in cache.glob("mirror-????????????????") if path != keep),
        key=lambda path: path.stat().st_mtime,
    )
    for path in others[: max(0, len(others) - _KEEP + 1)]:
        with contextlib.suppress(OSError), (path / "built.json").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
