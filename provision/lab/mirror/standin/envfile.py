"""`environment.yml` as conda reads it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .errors import CondaError

__all__ = ["EnvironmentFile", "read_environment_file"]


@dataclass
class EnvironmentFile:
    """`pip` holds the lines of the pip section."""

    path: Path
    name: str | None = None
    channels: list[str] = field(default_factory=list)
    specs: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    prefix: str | None = None


def read_environment_file(name: str) -> EnvironmentFile:
    """Raises EnvironmentFileNotFound and the like."""
    path = Path(name).expanduser().absolute()
    if path.suffix not in (".yml", ".yaml"):
        raise CondaError(
            "EnvironmentFileExtensionNotValid",
            f"'{path}' file extension must be one of '.txt', '.yaml' or '.yml'",
            filename=str(path),
        )
    if not path.is_file():
        raise CondaError("EnvironmentFileNotFound", f"'{path}' file not found", filename=str(path))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CondaError("CondaValueError", f"Unable to read '{path}': {error}") from error
    if not isinstance(data, dict):
        raise CondaError("EnvironmentFileEmpty", f"'{path}' is empty", filename=str(path))
    known = ("name", "dependencies", "prefix", "channels", "variables", "platforms", "category")
    unknown = [str(key) for key in data if key not in known]
    if unknown:
        sys.stderr.write(
            "\nEnvironmentSectionNotValid: The following sections on "
            f"'{path}' are invalid and will be ignored:\n"
            + "".join(f" - {key}\n" for key in unknown)
            + "\n"
        )
    result = EnvironmentFile(
        path,
        data.get("name"),
        [str(c) for c in data.get("channels") or []],
        variables={str(k): str(v) for k, v in (data.get("variables") or {}).items()},
        prefix=data.get("prefix"),
    )
    for item in data.get("dependencies") or []:
        if isinstance(item, str):
            result.specs.append(item)
        elif isinstance(item, dict) and set(item) == {"pip"}:
            result.pip += [str(line) for line in item["pip"] or []]
        else:
            raise CondaError(
                "EnvironmentFileInvalid" if isinstance(item, dict) else "CondaValueError",
                f"'{path}' has an invalid dependency: {item!r}",
            )
    if result.pip and not any(spec.split("=")[0].strip() == "pip" for spec in result.specs):
        sys.stderr.write(
            "Warning: you have pip-installed dependencies in your environment file, "
            "but you do not list pip itself as one of your conda dependencies.  "
            "Conda may not use the correct pip to install your packages, and they "
            "may end up in the wrong place.  Please add an explicit pip dependency."
            "  I'm adding one for you, but still nagging you.\n"
        )
        result.specs.append("pip")
    return result
