"""How much is sent to a host: `python -m docs.sizes`. The bounds stand in docs/agent.md."""

from __future__ import annotations

from collections.abc import Iterable

from provision import actions
from provision.transport import payload

__all__ = ["BOUNDS", "main", "measured"]

_EVERYDAY = ("file", "copy", "template", "command", "shell", "user", "group", "systemd")

#: What docs/agent.md promises, in bytes.
BOUNDS = {
    "the command": 1_200,
    "preamble with the core alone": 32_000,
    "for files, templates, commands, users, systemd units": 140_000,
    "for every action there is": 800_000,
}


def _preamble(names: Iterable[str]) -> int:
    mods = {mod for name in names for mod in actions.action(name).mods()}
    return len(payload.preamble(payload.mods_closure(mods)))


def measured() -> dict[str, int]:
    """The sizes, under the names of `BOUNDS`."""
    sizes = (
        len(payload.command_line()),
        _preamble(()),
        _preamble(_EVERYDAY),
        _preamble(actions.ACTION_FILES()),
    )
    return dict(zip(BOUNDS, sizes, strict=True))


def main() -> None:
    for name, size in measured().items():
        print(f"{size:>9,}  {name} (below {BOUNDS[name]:,})")


if __name__ == "__main__":
    main()
