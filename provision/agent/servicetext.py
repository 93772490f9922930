"""The texts of a model service's files."""

from __future__ import annotations

from provision.agent import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

PREFIX, UNIT = "@PREFIX@", "@UNIT@"
_MARKER = "Environment=PROVISION_UNIT="
_NEEDS_ESCAPE = '"\\`$'


def environment_text(variables: Mapping[str, str]) -> str:
    """An environment file as systemd reads it."""
    lines = ["# Managed by provision: what is changed here is found and put back."]
    for key in sorted(variables):
        lines.append('%s="%s"' % (key, _escaped(variables[key])))
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return "".join("\\" + letter if letter in _NEEDS_ESCAPE else letter for letter in value)


def unit_text(template: str, prefix: str) -> str:
    """The unit with the environment's prefix and a hash of itself in their places."""
    text = template.replace(PREFIX, prefix.replace("%", "%%"))
    return text.replace(UNIT, fs.sha256_bytes(text.encode("utf-8"))[:16])


def stamp_of(text: str) -> str:
    """The hash that a unit carries."""
    found = [line for line in text.splitlines() if line.startswith(_MARKER)]
    return found[-1][len(_MARKER) :] if found else ""
