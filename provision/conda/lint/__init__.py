"""What of an environment file will not travel, with the place, the reason and the fix.

    findings = lint_text(text, "environment.yml")
    text = fixed(text, "environment.yml")

Rules are data (`RULES`): an id, a level, and a function that yields findings. An `error` makes
a rebuild elsewhere fail or takes a secret along; a `warning` may give another environment
elsewhere; a `note` is good to know.
"""

from __future__ import annotations

from provision.conda.lint.model import DEFAULT_NAMES, Finding, Level, LintSettings, Rule
from provision.conda.lint.rules import RULES
from provision.conda.lint.run import decode, fixed, lint_text, masked

__all__ = [
    "DEFAULT_NAMES",
    "RULES",
    "Finding",
    "Level",
    "LintSettings",
    "Rule",
    "decode",
    "fixed",
    "lint_text",
    "masked",
]
