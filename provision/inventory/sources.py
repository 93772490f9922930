"""Loads inventories: files, directories, programs and host lists."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provision import yamlsource
from provision.errors import InventoryError, Mark, YamlError
from provision.inventory.graph import Graph
from provision.inventory.ini import parse_ini
from provision.inventory.inventory import Inventory
from provision.inventory.program import Program
from provision.inventory.ranges import expand_hosts
from provision.inventory.varsfiles import Decrypter, VarsFiles, read_text
from provision.inventory.yaml_format import parse_groups, parse_program_output
from provision.yamlsource import Tags

__all__ = ["load_inventory"]

Conceal = Callable[[Any], Any]

_YAML = (".yml", ".yaml", ".json")
_IGNORED_NAMES = ("group_vars", "host_vars", "vars_plugins")
_IGNORED_ENDS = (
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
)  # fmt: skip
_SECTION_LINE = re.compile(r"^\[[^\]\s]+\]\s*(#.*)?$", re.M)
_LIST_SPLIT = re.compile(r",(?![^\[]*\])")


class _Loader:
    def __init__(self, tags: Tags | None, vault: Decrypter | None, script_timeout_s: float) -> None:
        self.graph = Graph()
        self.tags = tags
        self.vault = vault
        self.script_timeout_s = script_timeout_s

    def source(self, source: str) -> str:
        """Load one source; what Inventory.sources says of it."""
        if "," in source and not Path(source).exists():
            self._host_list(source)
            return source
        path = Path(os.path.abspath(os.path.expanduser(source)))  # noqa: PTH100, PTH111
        if not path.exists():
            hint = f"for a list of hosts, end it with a comma: -i {source},"
            raise InventoryError(f"no such inventory: {source}", hint=hint)
        self._path(path)
        return str(path)

    def _host_list(self, source: str) -> None:
        for item in _LIST_SPLIT.split(source):
            if item.strip():
                names, port = expand_hosts(item.strip())
                for name in names:
                    self.graph.host(name, "ungrouped", source=source, port=port)

    def _path(self, path: Path) -> None:
        if path.is_dir():
            for entry in sorted(path.iterdir(), key=lambda item: item.name):
                if not _ignored(entry.name):
                    self._path(entry)
            return
        if not path.is_file():
            raise InventoryError("an inventory must be a file or a directory", mark=Mark(str(path)))
        if _is_program(path):
            self._program(path)
            return
        text, encrypted = read_text(path, self.vault)
        conceal = self.vault.conceal if encrypted and self.vault else None
        self._text(text, path, conceal)

    def _program(self, path: Path) -> None:
        program = Program(path, self.script_timeout_s)
        source = str(path)
        named, hostvars = parse_program_output(self.graph, program.groups(), source)
        if hostvars is None:
            hostvars = program.hosts(named)
        for name in named:
            values = hostvars.get(name, {})
            if not isinstance(values, Mapping):
                raise InventoryError(
                    f"variables of host {name!r} are not an object", mark=Mark(source)
                )
            self.graph.set_host_vars(self.graph.hosts[name], values, source, Mark(source))

    def _text(self, text: str, path: Path, conceal: Conceal | None) -> None:
        """YAML if it is a mapping, else INI: as Ansible tries its plugins by content."""
        file = str(path)
        if path.suffix not in _YAML and path.suffix:
            parse_ini(self.graph, text, file, conceal)
            return
        try:
            data = yamlsource.load(text, file, tags=self.tags, on_duplicate=_duplicate)
        except YamlError:
            if _looks_like_ini(text, path):
                parse_ini(self.graph, text, file, conceal)
                return
            raise
        if isinstance(data, Mapping):
            self._mapping(conceal(data) if conceal else data, path)
        elif data is None:
            self.graph.warn(f"{file}: the inventory is empty")
        elif _looks_like_ini(text, path):
            parse_ini(self.graph, text, file, conceal)
        else:
            raise InventoryError(
                "a YAML inventory must be a mapping of groups",
                mark=yamlsource.mark_of(data) or Mark(file),
                hint="start with 'all:' and put 'hosts:' below it",
            )

    def _mapping(self, data: Mapping[Any, Any], path: Path) -> None:
        if "plugin" in data:
            raise InventoryError(
                f"inventory plugin {str(data['plugin'])!r} is not supported",
                mark=yamlsource.mark_of(data, "plugin"),
                hint="run it once with ansible-inventory --list and use what it prints, "
                "or write an inventory program",
            )
        if "_meta" in data:
            named, hostvars = parse_program_output(self.graph, data, str(path))
            for name in named:
                values = (hostvars or {}).get(name, {})
                self.graph.set_host_vars(self.graph.hosts[name], values, str(path), None)
            return
        parse_groups(self.graph, data, str(path))


def _duplicate(key: str, mark: Mark, first: Mark) -> None:
    raise InventoryError(
        f"{key!r} is given twice, so that the first one would be lost",
        mark=mark,
        related=[(first, "first given here")],
    )


def _ignored(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED_NAMES or name.endswith(_IGNORED_ENDS)


def _is_program(path: Path) -> bool:
    """Executable and a script or a binary: a text file that merely has the bit is data."""
    if not os.access(path, os.X_OK):
        return False
    with path.open("rb") as stream:
        return stream.read(4).startswith((b"#!", b"\x7fELF"))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the cycle collector: loading makes a million objects that all stay, and going
    through them again and again would take three times as long as the loading itself."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _looks_like_ini(text: str, path: Path) -> bool:
    if path.suffix in _YAML:
        return bool(_SECTION_LINE.search(text))
    return not text.lstrip().startswith(("---", "all:"))


def load_inventory(
    sources: Sequence[str],
    *,
    tags: Tags | None = None,
    script_timeout_s: float = 30,
    vault: Decrypter | None = None,
) -> Inventory:
    """Load `sources` in order; later ones win.

    A source is a file (YAML or INI), a directory of them, a program that prints JSON, or a
    list of hosts with a comma in it. `tags` are YAML tags such as !vault; `vault` decrypts
    whole files. `script_timeout_s` holds for each call of a program.

    Raises InventoryError, YamlError or VaultError, with the place.
    """
    loader = _Loader(tags, vault, script_timeout_s)
    with _no_collection():
        given = [loader.source(source) for source in sources if source]
        loader.graph.settle()
    files = VarsFiles(tags, vault, loader.graph.warnings)
    return Inventory(loader.graph, given, files)
