"""conda's match specs, read as far as is needed to talk about them.

`channel/subdir::name version build`, `name=version=build`, `name>=1,<2`, `name[key='value']`.
Whether a spec means anything is the solver's business; this only takes it apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from provision.errors import Mark

__all__ = ["CondaSpec", "parse_spec"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PINNED = re.compile(r"={1,2}[A-Za-z0-9][^=<>!~*,|\s]*(?:=[^=<>!~*,|\s]+)?")
_EXACT = re.compile(r"=(?P<version>[A-Za-z0-9][^=<>!~*,|\s]*)=(?P<build>[^=<>!~*,|\s]+)")


@dataclass(frozen=True, slots=True)
class CondaSpec:
    """One line of `dependencies`. `version` and `build` are set only when they are exact.

    rest  what follows the name, as it was written
    """

    text: str
    name: str
    rest: str = ""
    channel: str = ""
    version: str = ""
    build: str = ""
    mark: Mark | None = None

    @property
    def exact(self) -> bool:
        return bool(self.version and self.build)

    @property
    def pinned(self) -> bool:
        """Whether it names one version, as an export does, with or without the build."""
        return bool(_PINNED.fullmatch(self.rest))

    @property
    def bare(self) -> str:
        """The spec without its channel."""
        return self.text.rpartition("::")[2].strip()


def parse_spec(text: str, mark: Mark | None = None) -> CondaSpec:
    """Raises ValueError with a reason when it cannot be a spec at all."""
    text = text.partition(" #")[0].strip()
    channel, _, rest = text.rpartition("::")
    found = _NAME.match(rest)
    if not found:
        raise ValueError("a package's name was expected")
    name, tail = found[0].lower(), rest[found.end() :].strip()
    if tail and tail[0] not in "=<>!~[ *0123456789v":
        raise ValueError(f"{tail!r} is no version")
    exact = _EXACT.fullmatch(tail)
    return CondaSpec(
        text=text,
        name=name,
        rest=tail,
        channel=channel,
        version=exact["version"] if exact else "",
        build=exact["build"] if exact else "",
        mark=mark,
    )
