"""What a command line and its files ask for."""

from __future__ import annotations

from pathlib import Path

from .context import Context
from .errors import CondaError
from .explicit import is_explicit, parse_explicit, parse_url
from .model import Package

__all__ = ["asked_for"]


def asked_for(context: Context) -> tuple[list[str], list[Package]]:
    """What the command line and its --file ask for: specs, or explicit packages."""
    specs = [spec.strip() for spec in context.options.get("packages") or []]
    explicit = [parse_url(spec) for spec in specs if "://" in spec and "::" not in spec]
    specs = [spec for spec in specs if not ("://" in spec and "::" not in spec)]
    for name in context.options.get("file") or []:
        path = Path(name)
        if not path.is_file():
            raise CondaError(
                "CondaFileIOError", f"'{name}'. [Errno 2] No such file or directory: '{name}'"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.suffix in (".yml", ".yaml"):
            raise CondaError(
                "CondaValueError", "Cannot use an environment.yml file here; use conda env create"
            )
        if is_explicit(lines):
            explicit += parse_explicit(lines)
        else:
            specs += [
                line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()
            ]
    if explicit and specs:
        raise CondaError("ArgumentError", "cannot mix specifications with conda package filenames")
    return specs, explicit
