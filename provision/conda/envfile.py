"""Reads exported `environment.yml` files, remembering where everything stands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision import yamlsource
from provision.conda.pipspecs import PipLine, parse_pip_line, read_requirements
from provision.conda.specs import CondaSpec, parse_spec
from provision.diagnostics import did_you_mean
from provision.errors import EnvironmentFileError, InputError, Mark, YamlError
from provision.yamlsource import Map, mark_of

__all__ = ["ChannelLine", "EnvironmentFile", "parse_environment", "read_environment"]

_KEYS = ("name", "channels", "dependencies", "prefix", "variables")
_IGNORED = ("platforms", "category", "channel_priority", "channel-priority", "description")
_REQUIREMENTS = re.compile(r"(?:-r\s*|--requirement[\s=]+)(.+)")


@dataclass(frozen=True, slots=True)
class ChannelLine:
    name: str
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What an environment file asks for.

    digest   SHA-256 of its text and of the requirements files it names
    ignored  top-level keys that conda would not read, with their places
    """

    path: str
    digest: str
    name: str = ""
    prefix: str = ""
    channels: tuple[ChannelLine, ...] = ()
    conda: tuple[CondaSpec, ...] = ()
    pip: tuple[PipLine, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[ChannelLine, ...] = ()

    @property
    def pip_packages(self) -> tuple[PipLine, ...]:
        return tuple(line for line in self.pip if line.kind != "option")

    @property
    def is_export(self) -> bool:
        """Whether it lists an environment that existed: every line names one version."""
        return all(spec.pinned for spec in self.conda) and all(
            line.version or line.kind == "url" for line in self.pip_packages
        )

    def pip_options(self, option: str) -> list[str]:
        return [line.value for line in self.pip if line.option == option]


def read_environment(path: Path) -> EnvironmentFile:
    """Raises EnvironmentFileError with the place."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        raise EnvironmentFileError(
            "cannot read the environment file", mark=Mark(str(path)), why=why
        ) from exc
    return parse_environment(text, str(path))


def _on_duplicate(key: str, mark: Mark, first: Mark) -> None:
    raise EnvironmentFileError(
        f"{key!r} stands here twice", mark=mark, related=[(first, "first here")]
    )


def parse_environment(text: str, file: str) -> EnvironmentFile:
    """`file` names it in errors, and is where requirements files are looked for."""
    try:
        data = yamlsource.load(text, file, on_duplicate=_on_duplicate)
    except YamlError as exc:
        raise EnvironmentFileError(exc.what, mark=exc.mark, why=exc.why, hint=exc.hint) from exc
    except InputError:
        raise
    if not isinstance(data, Map):
        raise EnvironmentFileError(
            "not an environment file",
            mark=mark_of(data) or Mark(file),
            hint="it is a mapping with `name`, `channels` and `dependencies`",
        )
    ignored = _check_keys(data)
    conda, pip, texts = _dependencies(data, file)
    if not conda and not pip:
        raise EnvironmentFileError("the file asks for no package", mark=Mark(file))
    digest = hashlib.sha256("\0".join([text, *texts]).encode()).hexdigest()
    return EnvironmentFile(
        path=file,
        digest=digest,
        name=_text(data, "name"),
        prefix=_text(data, "prefix"),
        channels=_channels(data),
        conda=tuple(conda),
        pip=tuple(pip),
        variables=_variables(data),
        ignored=ignored,
    )


def _check_keys(data: Map) -> tuple[ChannelLine, ...]:
    ignored = []
    for key in data:
        if key in _KEYS:
            continue
        hint = did_you_mean(str(key), _KEYS)
        if hint and key not in _IGNORED:
            raise EnvironmentFileError(
                f"an environment file has no key {str(key)!r}", mark=mark_of(key), hint=hint
            )
        ignored.append(ChannelLine(str(key), mark_of(key)))
    return tuple(ignored)


def _text(data: Map, key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise EnvironmentFileError(f"{key!r} takes a string", mark=mark_of(data, key))
    return str(value)


def _channels(data: Map) -> tuple[ChannelLine, ...]:
    value = data.get("channels")
    if value is None:
        return ()
    if isinstance(value, str):
        return (ChannelLine(str(value), mark_of(value)),)
    if not isinstance(value, list):
        raise EnvironmentFileError("'channels' takes a list", mark=mark_of(data, "channels"))
    lines = []
    for position, item in enumerate(value):
        if not isinstance(item, str) or not item.strip():
            raise EnvironmentFileError(
                "a channel is a name or a URL", mark=mark_of(value, position)
            )
        lines.append(ChannelLine(item.strip(), mark_of(value, position)))
    return tuple(lines)


def _variables(data: Map) -> dict[str, str]:
    value = data.get("variables")
    if value is None:
        return {}
    if not isinstance(value, Map):
        raise EnvironmentFileError("'variables' takes a mapping", mark=mark_of(data, "variables"))
    for key, item in value.items():
        if isinstance(item, dict | list):
            raise EnvironmentFileError(
                f"the variable {str(key)!r} takes a string", mark=mark_of(value, key)
            )
    return {str(key): "" if item is None else str(item) for key, item in value.items()}


def _dependencies(data: Map, file: str) -> tuple[list[CondaSpec], list[PipLine], list[str]]:
    value = data.get("dependencies")
    if not isinstance(value, list):
        raise EnvironmentFileError(
            "'dependencies' takes a list" if value is not None else "no 'dependencies'",
            mark=mark_of(data, "dependencies") or Mark(file),
        )
    conda: list[CondaSpec] = []
    pip: list[PipLine] = []
    texts: list[str] = []
    for position, item in enumerate(value):
        mark = mark_of(value, position)
        if isinstance(item, Map):
            lines, more = _pip_section(item, file, mark)
            pip += lines
            texts += more
        elif isinstance(item, str) and item.strip():
            conda.append(_conda_spec(item, mark))
        else:
            raise EnvironmentFileError(
                "a dependency is a string such as numpy=1.26",
                mark=mark,
                hint="quote it" if item is not None else "",
            )
    return conda, pip, texts


def _conda_spec(text: str, mark: Mark | None) -> CondaSpec:
    try:
        return parse_spec(text, mark)
    except ValueError as exc:
        hint = "write it under `- pip:`" if "==" in text and "[" in text else ""
        raise EnvironmentFileError(
            f"{str(text)!r} is not a package spec", mark=mark, why=str(exc), hint=hint
        ) from None


def _pip_section(item: Map, file: str, mark: Mark | None) -> tuple[list[PipLine], list[str]]:
    for key in item:
        if key != "pip":
            raise EnvironmentFileError(
                f"only `pip:` can stand among the dependencies, not {str(key)!r}",
                mark=mark_of(key) or mark,
                hint=did_you_mean(str(key), ["pip"]),
            )
    section: Any = item.get("pip")
    if section is None:
        return [], []
    if not isinstance(section, list):
        raise EnvironmentFileError("'pip' takes a list", mark=mark_of(item, "pip"))
    lines: list[PipLine] = []
    texts: list[str] = []
    for position, entry in enumerate(section):
        place = mark_of(section, position)
        if not isinstance(entry, str) or not entry.strip():
            raise EnvironmentFileError("a pip requirement is a string", mark=place)
        named = _REQUIREMENTS.fullmatch(entry.strip())
        if named:
            path = (Path(file).parent / named[1].strip()).resolve()
            more, inner = read_requirements(path, place)
            lines += more
            texts += inner
        elif not entry.lstrip().startswith("#"):
            lines.append(parse_pip_line(entry, place))
    return lines, texts
