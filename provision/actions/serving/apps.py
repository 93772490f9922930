"""The files of a service's application, as they go under its working directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from provision.actions.base import ActionContext, Blob, Outcome
from provision.actions.content.sending import Content, file_content, show_after
from provision.actions.content.trees import tree_of
from provision.diagnostics import did_you_mean
from provision.errors import PlaybookError
from provision.yamlsource import mark_of

__all__ = ["App", "app_of"]

_LEFT_OUT = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".mypy_cache"})
_KEYS = ("src", "dest", "mode")


@dataclass(slots=True)
class App:
    """Paths relative to the working directory."""

    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[Content, int]] = field(default_factory=dict)

    def add_folder(self, path: PurePosixPath) -> None:
        for part in (*reversed(path.parents), path):
            if str(part) != "." and str(part) not in self.folders:
                self.folders.append(str(part))

    def add(self, name: str, content: Content, mode: int | None = None) -> None:
        self.add_folder(PurePosixPath(name).parent)
        runs = bool((content.mode or 0) & 0o111)
        self.files[name] = content, mode if mode is not None else 0o755 if runs else 0o644

    def wire(self) -> dict[str, Any]:
        files = [
            [name, content.sha256, content.size, mode]
            for name, (content, mode) in self.files.items()
        ]
        return {"folders": self.folders, "links": self.links, "files": files}

    def blobs(self) -> Sequence[Blob]:
        found = {
            content.sha256: content.blob or Blob(content.sha256, content.size, content.data())
            for content, _ in self.files.values()
        }
        return tuple(found.values())

    def finish(self, outcome: Outcome) -> Outcome:
        """Puts texts into a diff where the host sent hashes."""
        texts = {f"sha256:{content.sha256}": content for content, _ in self.files.values()}
        for entry in outcome.diff:
            content = texts.get(str(entry.get("after")))
            if content is not None:
                show_after(entry, content)
        return outcome


def app_of(ctx: ActionContext, app_dir: str | None, files: object) -> App:
    """The manifest of `app_dir` and `files`. Raises PlaybookError, VaultError."""
    app = App()
    if app_dir:
        path = ctx.find("files", app_dir.rstrip("/") or "/")
        if not path.is_dir():
            raise PlaybookError(
                f"model_service: {path} is no directory",
                mark=mark_of(app_dir),
                hint="single files go under 'files'",
            )
        _add_tree(app, ctx, path, "")
    for item in _listed(files):
        _add_item(app, ctx, item)
    return app


def _listed(files: object) -> Sequence[object]:
    if files is None:
        return ()
    if isinstance(files, str | Mapping):
        return (files,)
    if isinstance(files, list | tuple):
        return files
    raise PlaybookError("model_service: 'files' takes a list", mark=mark_of(files))


def _left_out(name: str) -> bool:
    return bool(_LEFT_OUT & set(name.split("/"))) or name.endswith(".pyc")


def _add_tree(app: App, ctx: ActionContext, path: Path, under: str) -> None:
    tree = tree_of(ctx, path, follow=True, decrypt=True)
    base = PurePosixPath(under)
    if under:
        app.add_folder(base)
    for folder in tree.folders:
        if not _left_out(folder):
            app.add_folder(base / folder)
    for name, target in tree.links.items():
        if not _left_out(name):
            app.links[str(base / name)] = target
    for name, content in tree.files:
        if not _left_out(name):
            app.add(str(base / name), content)


def _add_item(app: App, ctx: ActionContext, item: object) -> None:
    said = item if isinstance(item, Mapping) else {"src": item}
    for key in said:
        if key not in _KEYS:
            raise PlaybookError(
                f"model_service: a file has no {str(key)!r}",
                mark=mark_of(key),
                hint=did_you_mean(str(key), _KEYS),
            )
    src = said.get("src")
    if not isinstance(src, str) or not src:
        raise PlaybookError("model_service: a file needs 'src'", mark=mark_of(item))
    path = ctx.find("files", src.rstrip("/") or "/")
    inside = src.endswith("/") and not said.get("dest")
    dest = PurePosixPath("." if inside else str(said.get("dest") or path.name))
    if dest.is_absolute() or ".." in dest.parts or not (inside or dest.name):
        raise PlaybookError(
            f"model_service: {str(dest)!r} does not lie under the working directory",
            mark=mark_of(said, "dest"),
        )
    if path.is_dir():
        _add_tree(app, ctx, path, "" if inside else str(dest))
    else:
        app.add(str(dest), file_content(ctx, path), _mode(said.get("mode")))


def _mode(said: object) -> int | None:
    if said is None:
        return None
    text = f"{said:o}" if isinstance(said, int) else str(said)
    if not text or set(text) - set("01234567"):
        raise PlaybookError(f'model_service: a mode is octal, such as "0644", not {said!r}')
    return int(text, 8)
