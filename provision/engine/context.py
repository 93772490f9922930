"""What an action's controller half sees of the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import Mark, PlaybookError, VaultError
from provision.playbook.model import Task
from provision.templating import Pending, Scope, Templar

__all__ = ["Shared", "TaskContext", "content_folders", "search_folders"]


class Shared:
    """Things made once for a whole run; the first caller makes, the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._made: dict[object, Any] = {}
        self._failed: dict[object, BaseException] = {}

    def get(self, key: object, make: Callable[[], Any]) -> Any:
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if key in self._failed:
                raise self._failed[key]
            if key not in self._made:
                try:
                    self._made[key] = make()
                except Pending:
                    raise
                except Exception as exc:
                    self._failed[key] = exc
                    raise
            return self._made[key]


def content_folders() -> tuple[Path, ...]:
    """What the package ships: in a wheel beside the code, in a checkout above it."""
    package = Path(__file__).parents[1]
    return (package / "content", package.parent)


def search_folders(task: Task, play_directory: Path, project: Path, kind: str) -> list[Path]:
    """Where a task's file of this kind may be, the most specific place first."""
    places: list[Path] = []
    role = task.inherited.role
    for owner in reversed(role.lineage) if role else ():
        places += [owner.path / kind, owner.path]
    places += [task.directory / kind, task.directory]
    places += [play_directory / kind, play_directory, project / kind, project]
    for folder in content_folders():
        places += [folder / kind, folder / "playbooks" / kind]
    return list(dict.fromkeys(places))


class TaskContext:
    """`provision.actions.base.ActionContext` for one task (or loop item) on one host."""

    def __init__(
        self,
        *,
        host: str,
        task: Task,
        scope: Scope,
        templar: Templar,
        check: bool,
        diff: bool,
        become_user: str | None,
        environment: Mapping[str, str],
        folders: Callable[[str], Sequence[Path]],
        facts: Callable[[], Mapping[str, Any]],
        progress: Callable[..., None],
        shared: Shared,
        secret: Callable[[str], None],
        decrypt: Callable[[bytes, Mark], bytes] | None,
        read_yaml: Callable[[Path], Any],
    ) -> None:
        self.host = host
        self.check = check
        self.diff = diff
        self.become_user = become_user
        self.environment = environment
        self._task = task
        self._scope = scope
        self._templar = templar
        self._folders = folders
        self._facts = facts
        self._progress = progress
        self._shared = shared
        self._secret = secret
        self._decrypt = decrypt
        self._read_yaml = read_yaml

    @property
    def vars(self) -> Mapping[str, Any]:
        return self._scope

    @property
    def place(self) -> Mark | None:
        return self._task.mark

    def facts(self) -> Mapping[str, Any]:
        return self._facts()

    def find(self, kind: str, name: str) -> Path:
        path = Path(name).expanduser()
        if path.is_absolute():
            if path.exists():
                return path
            raise PlaybookError(f"no file {name!r}", mark=self._task.mark)
        folders = self._folders(kind)
        for folder in folders:
            if (folder / name).exists():
                return folder / name
        near = {p.name for f in folders[:6] if f.is_dir() for p in f.iterdir()}
        raise PlaybookError(
            f"no file {name!r}",
            mark=self._task.mark,
            why="looked in " + ", ".join(str(f) for f in folders if f.is_dir()),
            hint=did_you_mean(path.name, near),
        )

    def render_template(
        self,
        path: Path,
        variables: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        scope = self._scope.child(variables) if variables else self._scope
        return self._templar.template_file(path, scope, **dict(options or {}))

    def read_yaml(self, path: Path) -> Any:
        """A YAML file's content, vault files opened; its strings are templates still. Raises
        InputError."""
        return self._read_yaml(path)

    def decrypted(self, path: Path, data: bytes) -> bytes:
        """The content of a vault file. Raises VaultError."""
        if self._decrypt is None:
            raise VaultError("the file is encrypted", mark=Mark(str(path)))
        return self._decrypt(data, Mark(str(path)))

    def evaluate(self, expression: str) -> Any:
        """The value of a bare expression."""
        return self._templar.evaluate(expression, self._scope, mark=self._task.mark)

    def condition(self, value: Any) -> bool:
        return self._templar.condition(value, self._scope, mark=self._task.mark)

    def progress(self, phase: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        self._progress(phase=phase, done=done, total=total, unit=unit)

    def shared(self, key: object, make: Callable[[], Any]) -> Any:
        return self._shared.get(key, make)

    def secret(self, value: str) -> None:
        self._secret(value)
