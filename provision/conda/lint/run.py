"""Applies the rules to one text, and their fixes until nothing more can be fixed."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

from provision.conda.envfile import EnvironmentFile, parse_environment
from provision.conda.envtext import Edit, EnvText, LineText, apply_edits
from provision.conda.lint.heads import is_secret
from provision.conda.lint.model import Finding, LintSettings, Subject
from provision.conda.lint.rules import RULES
from provision.conda.pipspecs import parse_requirements
from provision.errors import EnvironmentFileError, Mark

__all__ = ["decode", "fixed", "lint_text", "masked"]

_PASSES = 2 * len(RULES)  # each settles one rule, or what that has uncovered
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", ""),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 with a byte order mark, as PowerShell's `>` writes"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 with a byte order mark"),
)


def decode(data: bytes, file: str) -> tuple[str, tuple[Finding, ...]]:
    """The text of a file whatever its encoding, and what is wrong with that.

    Raises EnvironmentFileError when it is no text.
    """
    for start, encoding, what in _MARKS:
        if data.startswith(start):
            text = data.decode(encoding, "replace")
            return text, (_encoding(file, what),) if what else ()
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as exc:
        if b"\0" in data:
            raise EnvironmentFileError("not a text file", mark=Mark(file)) from exc
        text = data.decode("latin-1")
        return text, (_encoding(file, f"no UTF-8 (byte {exc.start}: {data[exc.start]:#x})"),)


def _encoding(file: str, what: str) -> Finding:
    return Finding(
        "encoding", "error", Mark(file, 1, 1), f"the file is {what}",
        "conda reads UTF-8 and stops at the first other byte",
        "write it as UTF-8",
    )  # fmt: skip


def _is_requirements(file: str, text: str) -> bool:
    if not file.endswith((".txt", ".in")):
        return False
    return "dependencies:" not in text


def _subject(text: str, file: str, settings: LintSettings) -> Subject:
    if _is_requirements(file, text):
        lines, _ = parse_requirements(text, file)
        return Subject(EnvironmentFile(file, "", pip=tuple(lines)), LineText(text), settings)
    return Subject(parse_environment(text, file), EnvText(text), settings)


def lint_text(text: str, file: str, settings: LintSettings | None = None) -> list[Finding]:
    """What is found, in the order of lines. `file` names it; `.txt` is a requirements file.

    A text that cannot be read is a finding too.
    """
    settings = settings or LintSettings()
    try:
        subject = _subject(text, file, settings)
    except EnvironmentFileError as exc:
        return [
            Finding(
                "unreadable", "error", exc.mark or Mark(file, 1, 1), exc.what,
                exc.why or "conda could not read it either", exc.hint,
            )
        ]  # fmt: skip
    found: list[Finding] = []
    for check in dict.fromkeys(rule.check for rule in RULES):
        found += check(subject)
    order = {rule.id: position for position, rule in enumerate(RULES)}
    kept = [finding for finding in found if finding.rule not in settings.ignore]
    kept = [replace(f, mark=Mark(f.mark.file, max(1, f.mark.line), max(1, f.mark.column)))
            for f in kept]  # fmt: skip
    return sorted(kept, key=lambda f: (f.mark.file, f.mark.line, order[f.rule], f.mark.column))


def fixed(text: str, file: str, settings: LintSettings | None = None) -> str:
    """The text with everything put right that needs no decision; comments and layout stay."""
    for _ in range(_PASSES):
        edits = _first_edits(lint_text(text, file, settings))
        if not edits and not _is_requirements(file, text):
            edits = EnvText(text).drop_empty()
        after = apply_edits(text, edits)
        if after == text:
            return text
        text = after
    return text


def _first_edits(findings: list[Finding]) -> list[Edit]:
    """Those of one rule: what it takes away need not be put right by the next."""
    for rule in RULES:
        edits = [edit for found in findings if found.rule == rule.id for edit in found.edits]
        if edits:
            return edits
    return []


def masked(text: str, file: str) -> str:
    """The text as it may be shown: tokens, passwords and variables that look like secrets are
    stars. A text that cannot be read keeps its variables."""
    text = re.sub(r"(://[^/\s]+)?/t/[^/\s]+/", r"\1/t/********/", text)
    text = re.sub(r"://[^/\s@]+@", "://********@", text)
    if _is_requirements(file, text):
        return text
    try:
        variables = parse_environment(text, file).variables
    except EnvironmentFileError:
        return text
    for key, value in variables.items():
        if is_secret(key, value):
            text = text.replace(value, "********")
    return text
