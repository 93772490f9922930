"""What people asked conda for over time, from `conda-meta/history`."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable

from provision.conda.channels import without_credentials
from provision.conda.specs import CondaSpec, parse_spec

__all__ = ["channels_asked", "requested"]

_SPECS = re.compile(r"#\s*(\w+)\s+specs:\s*(.*)")
_EXACT = re.compile(r"={1,2}[^=\s]+=[^=\s]+")
_COMMAND = re.compile(r"#\s*cmd:\s*(.*)")


def _listed(text: str) -> list[str]:
    """`['a', 'b >=1']` as newer releases write it, `a,b >=1` as old ones did."""
    text = text.strip()
    if not text.startswith("["):
        # a comma that is followed by a name ends a spec; one before a version does not
        return [part for part in re.split(r",(?=\s*[A-Za-z_])", text) if part.strip()]
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return []
    return [str(item) for item in found] if isinstance(found, list | tuple) else []


def requested(history: str, installed: Iterable[str]) -> list[CondaSpec]:
    """The specs that still hold, in the order of names; of packages that are there. Those of an
    explicit list say version and build of everything: they are left out."""
    there = set(installed)
    found: dict[str, CondaSpec] = {}
    for line in history.splitlines():
        said = _SPECS.fullmatch(line.strip())
        if said is None:
            continue
        for text in _listed(said[2]):
            if "://" in text and not text.partition("://")[2].count("::"):
                continue  # an archive's address
            try:
                spec = parse_spec(text)
            except ValueError:
                continue
            if said[1] == "remove":
                found.pop(spec.name, None)
            else:  # update, install, neutered
                found[spec.name] = spec
    specs = [spec for name, spec in sorted(found.items()) if name in there]
    if len(specs) == len(there) and all(_EXACT.fullmatch(spec.rest) for spec in specs):
        return []
    return specs


def channels_asked(history: str) -> list[str]:
    """Those that commands named with -c, the first of the last command first; no tokens."""
    found: dict[str, None] = {}
    for line in reversed(history.splitlines()):
        said = _COMMAND.fullmatch(line.strip())
        if said is None:
            continue
        try:
            words = shlex.split(said[1])
        except ValueError:
            continue
        for at, word in enumerate(words):
            name, sep, value = word.partition("=")
            if name in ("-c", "--channel"):
                value = value if sep else (words[at + 1] if at + 1 < len(words) else "")
                if value:
                    found.setdefault(without_credentials(value))
    return list(found)
