"""A controller's directory as a manifest: what `copy` sends of it before any content."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.base import ActionContext, Blob, Call, Outcome
from provision.actions.content.sending import Content, file_content, show_after
from provision.errors import PlaybookError

__all__ = ["Tree", "tree_call", "tree_of"]


@dataclass(frozen=True, slots=True)
class Tree:
    """Paths relative to the top. `files` are (path, content)."""

    folders: tuple[str, ...]
    links: Mapping[str, str]
    files: tuple[tuple[str, Content], ...]
    blobs: tuple[Blob, ...]

    def wire(self, preserve: bool) -> dict[str, Any]:
        return {
            "folders": self.folders,
            "links": self.links,
            "files": [
                [path, content.sha256, content.size, content.mode if preserve else None]
                for path, content in self.files
            ],
        }


class _Walk:
    def __init__(self, ctx: ActionContext, follow: bool, decrypt: bool) -> None:
        self.ctx = ctx
        self.follow = follow
        self.decrypt = decrypt
        self.folders: list[str] = []
        self.links: dict[str, str] = {}
        self.files: list[tuple[str, Content]] = []

    def folder(self, path: Path, name: str, above: tuple[str, ...]) -> None:
        above = (*above, os.path.realpath(path))
        try:
            with os.scandir(path) as entries:
                inside = sorted(
                    entries, key=lambda entry: (entry.is_dir(follow_symlinks=False), entry.name)
                )
        except OSError as exc:
            raise PlaybookError(f"cannot read {path}", why=exc.strerror or str(exc)) from None
        for entry in inside:
            self._entry(Path(entry.path), f"{name}{entry.name}", above)

    def _entry(self, path: Path, name: str, above: tuple[str, ...]) -> None:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            # Links that lead nowhere or back up the tree stay links even when followed.
            circle = os.path.realpath(path) in above
            if not self.follow or circle or not path.exists():
                self.links[name] = str(path.readlink())
                return
            kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            self.folders.append(name)
            self.folder(path, name + "/", above)
        elif stat.S_ISREG(kind):
            self.files.append((name, file_content(self.ctx, path, self.decrypt)))
        else:
            raise PlaybookError(f"copy: {path} is neither a file, a directory nor a link")


def tree_of(ctx: ActionContext, path: Path, follow: bool, decrypt: bool) -> Tree:
    """The manifest of a directory, made once in a run. Raises PlaybookError."""

    def make() -> Tree:
        walk = _Walk(ctx, follow, decrypt)
        walk.folder(path, "", ())
        blobs = {content.sha256: _blob(content) for _, content in walk.files}
        return Tree(tuple(walk.folders), walk.links, tuple(walk.files), tuple(blobs.values()))

    found: Tree = ctx.shared(("tree", str(path), follow, decrypt), make)
    return found


def _blob(content: Content) -> Blob:
    return content.blob or Blob(content.sha256, content.size, content.data())


def tree_call(sent: Mapping[str, Any], tree: Tree, preserve: bool, src: str) -> Call:
    texts = {"sha256:" + content.sha256: content for _, content in tree.files}

    def finish(outcome: Outcome) -> Outcome:
        outcome.data.setdefault("src", src)
        for entry in outcome.diff:
            content = texts.get(str(entry.get("after")))
            if content is not None:
                show_after(entry, content)
        return outcome

    return Call("tree", {**sent, **tree.wire(preserve)}, tree.blobs, finish=finish)
