"""Writes locks in the form that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from provision.conda.explicit import explicit_text
from provision.conda.forms.condalock import condalock_text
from provision.conda.forms.explicit import pip_comment
from provision.conda.forms.pixi import pixi_text
from provision.conda.lockfile import LockFile, lock_path
from provision.errors import EnvironmentFileError

__all__ = ["FORMATS", "form_path", "form_text"]


def _explicit(whole: LockFile) -> str:
    if len(whole.locks) != 1:
        names = ", ".join(lock.platform for lock in whole.locks)
        raise EnvironmentFileError(
            f"an @EXPLICIT list is for one platform, not for {names}", hint="say --platform once"
        )
    lock = whole.locks[0]
    text = explicit_text(lock.conda, lock.platform)
    if lock.pip:
        text += "# conda does not install what follows\n"
    return text + "".join(f"{pip_comment(package)}\n" for package in lock.pip)


_WRITERS: dict[str, tuple[Callable[[LockFile], str], str]] = {
    "provision": (LockFile.to_yaml, ""),
    "explicit": (_explicit, ".{platform}.txt"),
    "conda-lock": (condalock_text, ".conda-lock.yml"),
    "pixi": (pixi_text, ".pixi.lock"),
}
FORMATS = tuple(_WRITERS)


def form_text(whole: LockFile, form: str) -> str:
    """Raises EnvironmentFileError for what the form cannot hold."""
    return _WRITERS[form][0](whole)


def form_path(file: Path, form: str, platform: str) -> Path:
    """Where it stands beside the environment file."""
    ending = _WRITERS[form][1].format(platform=platform)
    return file.with_name(file.stem + ending) if ending else lock_path(file)
