"""Template files: compiled once, compiled again when the file has changed."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from provision.errors import InputError, Mark, ProvisionError, TemplateError
from provision.templating.environment import NativeEnvironment
from provision.templating.explain import Origin, failed, not_syntax, undefined
from provision.templating.loader import PathLoader
from provision.templating.options import TemplateOptions, split_header
from provision.templating.running import Compiled
from provision.templating.scope import Pending, Scope
from provision.templating.undefined import Missing, MissingError
from provision.templating.values import realize, with_newlines

if TYPE_CHECKING:
    from provision.templating.templar import Templar

__all__ = ["FileTemplates"]

_CACHED_FILES = 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    """`tells`: whether it may say something about itself."""

    stamp: tuple[int, int]
    environment: NativeEnvironment
    template: Compiled
    origin: Origin
    tells: bool


class FileTemplates:
    """The template files of one Templar."""

    def __init__(self, templar: Templar) -> None:
        self.templar = templar
        self.loader = PathLoader()
        self._environments: dict[TemplateOptions, NativeEnvironment] = {}
        self._compiled: dict[tuple[str, TemplateOptions], _Entry] = {}
        self._lock = threading.Lock()

    def roots(self, scope: Scope, *first: Path) -> tuple[Path, ...]:
        """Folders to look in: `first`, the task's, then the Templar's."""
        found = list(first)
        for folder in task_folders(scope):
            found += (folder / "templates", folder)
        return (*found, *self.templar.search_path)

    def environment(self, options: TemplateOptions) -> NativeEnvironment:
        with self._lock:
            if options not in self._environments:
                self._environments[options] = self.templar.environment(options)
            return self._environments[options]

    def _load(self, path: Path, options: TemplateOptions) -> _Entry:
        mark = Mark(str(path))
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            entry = self._compiled.get((str(path), options))
            if entry is not None and entry.stamp == stamp:
                return entry
            data = path.read_bytes()
            if self.templar.lookup_context.decrypt and data.startswith(b"$ANSIBLE_VAULT"):
                data = self.templar.lookup_context.decrypt(data, mark)
            text = data.decode()
        except UnicodeDecodeError as exc:
            raise TemplateError("the template is not UTF-8 text", mark=mark, why=str(exc)) from exc
        except OSError as exc:
            raise InputError("cannot read the template", mark=mark, why=exc.strerror or "") from exc
        entry = self._compile(text, path, options, stamp)
        if len(self._compiled) >= _CACHED_FILES:
            self._compiled.clear()
        self._compiled[str(path), options] = entry
        return entry

    def _compile(
        self, text: str, path: Path, options: TemplateOptions, stamp: tuple[int, int]
    ) -> _Entry:
        mark = Mark(str(path))
        body, options, taken = split_header(text, options, Mark(str(path), 1, 1))
        origin = Origin(body, mark, whole_file=True, first_line=1 + taken)
        environment = self.environment(options)
        name = str(path.absolute())
        try:
            tree = environment.parse(body, name, str(path))
            template = environment.compile_tree(tree, name, str(path))
        except TemplateSyntaxError as exc:
            raise not_syntax(exc, origin, environment) from None
        # An included file may ask as well.
        tells = template.includes or "template_" in body
        return _Entry(stamp, environment, template, origin, tells)

    def render(self, path: Path, scope: Scope, options: TemplateOptions) -> Any:
        """The value of the template; text unless it is one expression and nothing else."""
        entry = self._load(path, options)
        if entry.tells:
            scope = scope.under(TemplateFacts(path))
        try:
            with self.loader.within(self.roots(scope, path.absolute().parent)):
                value = realize(entry.template.run(scope))
        except MissingError as exc:
            raise undefined(exc.absent, entry.origin, scope, exc) from None
        except (ProvisionError, Pending):
            raise
        except Exception as exc:
            raise failed(exc, entry.origin, entry.environment) from exc
        return with_newlines(value, entry.origin.source, entry.environment.newline_sequence)


class TemplateFacts(Mapping[str, object]):
    """What a template can say about itself, found out when it does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, name: str) -> object:
        find = _FACTS.get(name)
        if find is None:
            raise KeyError(name)
        return find(self._path)

    def __contains__(self, name: object) -> bool:
        return name in _FACTS

    def __iter__(self) -> Iterator[str]:
        return iter(_FACTS)

    def __len__(self) -> int:
        return len(_FACTS)


def _owner(path: Path) -> str | int:
    try:
        return path.owner()
    except KeyError:
        return path.stat().st_uid


def _naive(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds)  # noqa: DTZ006 - local, as people read it


_FACTS: Mapping[str, Callable[[Path], object]] = {
    "template_fullpath": lambda path: str(path.absolute()),
    "template_host": lambda _path: os.uname().nodename,
    "template_mtime": lambda path: _naive(path.stat().st_mtime),
    "template_path": str,
    "template_run_date": lambda _path: _naive(time.time()),
    "template_uid": _owner,
}


def task_folders(scope: Scope) -> tuple[Path, ...]:
    """The folders that the task's variables name, nearest first."""
    given = scope.get("ansible_search_path")
    if isinstance(given, (list, tuple)):
        return tuple(Path(str(item)) for item in given)
    named = (scope.get(name) for name in ("role_path", "playbook_dir"))
    return tuple(Path(str(item)) for item in named if item and not isinstance(item, Missing))
