"""Reads whatever describes an environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from provision.conda.envfile import EnvironmentFile, parse_environment
from provision.conda.forms.condalock import read_condalock
from provision.conda.forms.explicit import is_explicit, read_explicit
from provision.conda.lock import loaded
from provision.conda.lockfile import Asked, LockFile, lockfile_of
from provision.conda.pipspecs import parse_requirements
from provision.conda.specs import CondaSpec, parse_spec
from provision.errors import EnvironmentFileError, Mark

__all__ = ["Input", "read_input", "read_locks"]

Input = EnvironmentFile | LockFile

_EXPORT_LINE = re.compile(r"[\w.+-]+=[^=\s]+=[^=\s]+")


def read_input(path: Path, *, python: str = "", environment: str = "") -> Input:
    """An environment file where something must be solved, else locks.

    python  for what names pip packages alone: the version they are for
    environment  of a pixi lock with several
    Raises EnvironmentFileError with the place.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        raise EnvironmentFileError("cannot read the file", mark=Mark(str(path)), why=why) from exc
    return parse_input(text, path, python, environment)


def parse_input(text: str, path: Path, python: str = "", environment: str = "") -> Input:
    file = str(path)
    kind = _kind(text, path)
    if kind == "explicit":
        lock = read_explicit(text, file)
        return LockFile(Asked(), (lock,), file)
    if kind == "pixi":
        from provision.conda.forms.pixi import read_pixi

        return read_pixi(path, environment)
    if kind == "conda-lock":
        return read_condalock(loaded(text, file), file)
    if kind == "provision":
        return lockfile_of(loaded(text, file), file)
    if kind == "export":
        return _listed(text, file)
    if kind == "requirements":
        return _requirements(text, file, python)
    return parse_environment(text, file)


def read_locks(path: Path, environment: str = "") -> LockFile:
    """What is exact already. Raises EnvironmentFileError."""
    found = read_input(path, environment=environment)
    if isinstance(found, EnvironmentFile):
        raise EnvironmentFileError(
            "not a lock but something to solve", mark=Mark(str(path)),
            hint=f"lock it first: provision env lock {path}",
        )  # fmt: skip
    return found


def _kind(text: str, path: Path) -> str:
    """By content; the name decides only between lists of lines."""

    def key(name: str) -> bool:
        return bool(re.search(rf'^(?:{name}|"{name}"):', text, re.MULTILINE))

    if is_explicit(text):
        return "explicit"
    if text.lstrip().startswith("{") or re.search(r"^format: *provision-lock", text, re.MULTILINE):
        return "provision"
    if key("metadata") and key("package"):
        return "conda-lock"
    if key("environments") and key("packages"):
        return "pixi"
    if key("dependencies"):
        return "environment"
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if lines and all(_EXPORT_LINE.fullmatch(line.strip()) for line in lines):
        return "export"
    return "requirements" if path.suffix in (".txt", ".in", ".pip") else "environment"


def _listed(text: str, file: str) -> EnvironmentFile:
    """`conda list --export`: `name=version=build` a line; pip's have the build `pypi_0`."""
    conda: list[CondaSpec] = []
    pip: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, version, build = line.split("=")
        if build.startswith("pypi"):
            pip.append(f"{name}=={version}")
        else:
            conda.append(parse_spec(line, Mark(file, number, 1)))
    lines, _ = parse_requirements("\n".join(pip), file)
    return _made(text, file, conda, lines)


def _requirements(text: str, file: str, python: str) -> EnvironmentFile:
    lines, texts = parse_requirements(text, file)
    if not any(line.kind != "option" for line in lines):
        raise EnvironmentFileError("the file asks for no package", mark=Mark(file))
    spec = parse_spec(f"python={python}" if python else "python", Mark(file))
    return _made("\0".join([text, *texts, python]), file, [spec], lines)


def _made(text: str, file: str, conda: list[CondaSpec], pip: Any) -> EnvironmentFile:
    import hashlib

    digest = hashlib.sha256(text.encode()).hexdigest()
    return EnvironmentFile(file, digest, conda=tuple(conda), pip=tuple(pip))
