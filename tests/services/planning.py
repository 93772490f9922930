"""What `model_service` would send, without a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from provision.actions import action
from provision.actions.base import Call
from provision.errors import Mark, PlaybookError
from provision.templating.scope import Scope
from provision.templating.templar import Templar
from provision.yamlsource import load_file

__all__ = ["SHIPPED", "PlanContext", "plan"]

SHIPPED = Path(__file__).parents[2]


class PlanContext:
    """An ActionContext that finds files in a project, then among what is shipped."""

    def __init__(self, project: Path, variables: Mapping[str, Any] | None = None) -> None:
        self.project = project
        self.host = "here"
        self.check = False
        self.diff = True
        self.become_user: str | None = None
        self.environment: Mapping[str, str] = {}
        self.vars: Mapping[str, Any] = {"playbook_dir": str(project), **(variables or {})}
        self.secrets: list[str] = []
        self.templar = Templar()

    def find(self, kind: str, name: str) -> Path:
        for place in (self.project / kind, self.project, SHIPPED / kind):
            if (place / name).exists():
                return place / name
        raise PlaybookError(f"no file {name!r}")

    def render_template(
        self,
        path: Path,
        variables: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        layers = [self.vars, variables or {}]
        scope = Scope(layers, templar=self.templar)
        return self.templar.template_file(path, scope, **dict(options or {}))

    def shared(self, key: object, make: Callable[[], Any]) -> Any:
        return make()

    def secret(self, value: str) -> None:
        self.secrets.append(value)

    def read_yaml(self, path: Path) -> Any:
        return load_file(path)

    def decrypted(self, path: Path, data: bytes) -> bytes:
        raise PlaybookError(f"{path} is a vault file, and there is no password")

    @property
    def place(self) -> Mark | None:
        return None

    def facts(self) -> Mapping[str, Any]:
        return {}

    def evaluate(self, expression: str) -> Any:
        return self.templar.evaluate(expression, Scope([self.vars], templar=self.templar))

    def condition(self, value: object) -> bool:
        return self.templar.condition(value, Scope([self.vars], templar=self.templar))

    def progress(self, phase: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        pass


def plan(project: Path, **args: Any) -> tuple[Call, PlanContext]:
    """The call for one task."""
    ctx = PlanContext(project)
    acts = action("model_service")
    planned = acts.plan(acts.parse(args), ctx)
    assert isinstance(planned, Call)
    return planned, ctx
