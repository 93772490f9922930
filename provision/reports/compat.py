"""Results as JSON lines for a harness that counts them: one small object for each task and host."""

from __future__ import annotations

import json
from pathlib import Path

from provision.engine.events import Event, TaskResult

__all__ = ["CompatEvents"]


class CompatEvents:
    """Appends to `path`; several runs of one test may share it."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def __call__(self, event: Event) -> None:
        if not isinstance(event, TaskResult) or not event.action:
            return
        said = {
            "event": "task",
            "name": event.task,
            "action": event.action,
            "host": event.host,
            "status": event.status,
        }
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(said) + "\n")
