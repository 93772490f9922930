"""Finds the templates that a template includes, imports or extends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from jinja2 import BaseLoader, Environment, TemplateNotFound

__all__ = ["PathLoader"]


class PathLoader(BaseLoader):
    """Looks in the roots of the rendering under way, then beside the template that asks.

    Names are paths below one of those folders; `..` leads nowhere. Loaded templates go by
    their absolute path, so one cache serves every set of roots.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def within(self, roots: Sequence[Path]) -> Iterator[None]:
        """Use `roots` for what this thread renders."""
        before = self._roots()
        self._local.roots = tuple(roots)
        try:
            yield
        finally:
            self._local.roots = before

    def _roots(self) -> tuple[Path, ...]:
        roots: tuple[Path, ...] = getattr(self._local, "roots", ())
        return roots

    def find(self, name: str, parent: str) -> str:
        """The absolute path of `name`, asked for by the template `parent`; else a relative one."""
        relative = PurePosixPath(name.lstrip("/"))
        if ".." in relative.parts:
            return str(relative)
        beside = (Path(parent).parent,) if parent.startswith("/") else ()
        for root in (*self._roots(), *beside):
            path = root / relative
            if path.is_file():
                return str(path.absolute())
        return str(relative)

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        path = Path(template)
        if not path.is_absolute() or not path.is_file():
            raise TemplateNotFound(template)
        text = path.read_text(encoding="utf-8")
        read = path.stat().st_mtime_ns

        def unchanged() -> bool:
            try:
                return path.stat().st_mtime_ns == read
            except OSError:
                return False

        return text, template, unchanged
