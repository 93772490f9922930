"""conda's errors, by conda's names, and how they are shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["CondaError", "CondaSystemExit", "MultiError", "show"]


class CondaError(Exception):
    """`name` is the exception's name in conda; `fields` go into its JSON form."""

    def __init__(self, name: str, message: str, *, code: int = 1, **fields: Any) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.code = code
        self.fields = fields

    def as_json(self) -> dict[str, Any]:
        return {
            "caused_by": "None",
            "error": f"{self.name}: {self.message}",
            "exception_name": self.name,
            "exception_type": f"<class 'conda.exceptions.{self.name}'>",
            "message": self.message,
            **self.fields,
        }

    def as_text(self) -> str:
        return f"\n{self.name}: {self.message}\n\n"


class MultiError(CondaError):
    """Several at once, as downloads fail: nested under `errors` in the JSON form."""

    def __init__(self, errors: Sequence[CondaError]) -> None:
        super().__init__("CondaMultiError", "\n".join(error.as_text() for error in errors))
        self.errors = errors

    def as_json(self) -> dict[str, Any]:
        return {
            "error": "Multiple Errors Encountered.",
            "errors": [error.as_json() for error in self.errors],
            "exception_name": self.name,
            "exception_type": "<class 'conda.CondaMultiError'>",
        }

    def as_text(self) -> str:
        return "".join(error.as_text() for error in self.errors)


class CondaSystemExit(Exception):
    """The user said no, or had no terminal to say yes on; exit code 0."""


def show(error: CondaError, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(error.as_json(), indent=2, sort_keys=True) + "\n")
    else:
        sys.stderr.write(error.as_text())
