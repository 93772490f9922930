"""provision env lint."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision import __version__
from provision.errors import InputError, Mark

if TYPE_CHECKING:
    from provision.conda.lint import Finding, LintSettings

__all__ = ["command"]

_FOLDED = 3  # findings of one rule in one file that are told one by one


@dataclass(slots=True)
class _Report:
    """One file: what is left, and what was put right or could be."""

    path: str
    left: list[Finding]
    before: str
    after: str
    settled: int = 0


def _look(path: Path, settings: LintSettings) -> _Report:
    from provision.conda.lint import decode, fixed, lint_text

    try:
        data = path.read_bytes()
    except OSError as exc:
        raise InputError(
            "cannot read the environment file", mark=Mark(str(path)), why=exc.strerror or ""
        ) from exc
    text, wrong = decode(data, str(path))
    found = [*wrong, *lint_text(text, str(path), settings)]
    after = fixed(text, str(path), settings)
    settled = len(wrong) + sum(bool(finding.edits) for finding in found)
    return _Report(str(path), found, text, after, settled)


def _fix(report: _Report, settings: LintSettings) -> None:
    from provision.conda.files import write_whole
    from provision.conda.lint import lint_text

    if report.settled:
        try:
            write_whole(Path(report.path), report.after)
        except OSError as exc:
            raise InputError(
                "cannot write the file", mark=Mark(report.path), why=exc.strerror or ""
            ) from exc
    report.left = lint_text(report.after, report.path, settings)


def _spans(lines: Sequence[int]) -> str:
    """`3-5,9`."""
    runs: list[list[int]] = []
    for line in sorted(set(lines)):
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def _told(findings: Sequence[Finding], verbose: bool) -> list[str]:
    """The findings of one file as lines; many alike are told once, with the others' lines."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.level, finding.mark.file)
        alike.setdefault(key, []).append(finding)
    lines: list[str] = []
    for same in alike.values():
        shown = same if verbose or len(same) <= _FOLDED else same[:1]
        for finding in shown:
            lines.append(f"{finding.mark}: {finding.level} {finding.rule}: {finding.what}")
            if len(shown) < len(same):
                where = _spans([other.mark.line for other in same[1:]])
                lines.append(f"    and {len(same) - 1} more like it: lines {where}")
        lines.append(f"    why: {shown[-1].why}")
        if shown[-1].hint:
            can = " [--fix]" if any(f.edits for f in same) else ""
            lines.append(f"    fix: {shown[-1].hint}{can}")
    return lines


def _counted(reports: Sequence[_Report]) -> Counter[str]:
    return Counter(finding.level for report in reports for finding in report.left)


def _words(counts: Counter[str]) -> str:
    words = [f"{counts[level]} {level}{'s' if counts[level] != 1 else ''}"
             for level in ("error", "warning", "note") if counts[level]]  # fmt: skip
    return ", ".join(words) or "nothing found"


def _print_text(reports: Sequence[_Report], fix: bool, verbose: bool) -> None:
    for report in reports:
        for line in _told(report.left, verbose):
            click.echo(line)
    settled = sum(report.settled for report in reports)
    files = f"{len(reports)} file{'s' if len(reports) != 1 else ''}: "
    tail = ""
    if settled:
        tail = f"; {settled} fixed" if fix else f"; --fix settles {settled}"
    click.echo(files + _words(_counted(reports)) + tail)


def _print_json(reports: Sequence[_Report], fix: bool, code: int) -> None:
    def say(kind: str, **values: Any) -> None:
        click.echo(json.dumps({"type": kind, **values}, ensure_ascii=False))

    say("version", provision=__version__, format=1)
    for report in reports:
        for f in report.left:
            say("finding", file=f.mark.file, line=f.mark.line, column=f.mark.column, rule=f.rule,
                level=f.level, what=f.what, why=f.why, fix=f.hint, fixable=bool(f.edits)
                or f.rule == "encoding")  # fmt: skip
    counts = _counted(reports)
    say("summary", files=len(reports), errors=counts["error"], warnings=counts["warning"],
        notes=counts["note"], fixed=sum(r.settled for r in reports) if fix else 0,
        exit_code=code)  # fmt: skip


def _print_rules(_ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if not value:
        return
    from provision.conda.lint import RULES

    width = max(len(rule.id) for rule in RULES)
    for rule in RULES:
        click.echo(f"{rule.id.ljust(width)}  {rule.level.ljust(7)}  {rule.summary}")
    raise click.exceptions.Exit(0)


def _ignored(given: Sequence[str]) -> frozenset[str]:
    from provision.conda.lint import RULES
    from provision.diagnostics import did_you_mean

    known = {rule.id for rule in RULES}
    asked = {word.strip() for text in given for word in text.split(",") if word.strip()}
    for word in sorted(asked - known):
        raise InputError(
            f"there is no rule {word!r}",
            hint=did_you_mean(word, known) or "`provision env lint --rules` lists them",
        )
    return frozenset(asked)


@click.command(name="lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Write what needs no decision; comments stay.")
@click.option("-D", "--diff", is_flag=True, help="Show what --fix changes or would change.")
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="SUBDIR",
    help="Judge for these platforms, e.g. linux-64; by default for any.",
)
@click.option("--cuda", metavar="VERSION", help="What the nodes' drivers run; `none` for no GPU.")
@click.option(
    "--names",
    metavar="REGEX",
    envvar="PROVISION_ENV_NAMES",
    help="What a name should look like; by default meaning and a version: model-bert-v1.",
)
@click.option(
    "--local-index",
    default="",
    metavar="URL",
    envvar="PROVISION_LOCAL_INDEX",
    help="Index that has +cuXXX versions; {tag} becomes cuXXX.",
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Leave out these rules.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON lines.")
@click.option("-v", "--verbose", is_flag=True, help="Tell every finding of a rule.")
@click.option("--rules", is_flag=True, is_eager=True, expose_value=False, callback=_print_rules,
              help="List the rules.")  # fmt: skip
def command(files: tuple[Path, ...], **given: Any) -> int:
    """Say what of exported environment FILES will not travel.

    FILES are environment.yml files, or requirements files ending in .txt. Ends with 1 when
    something is left that is an error, else with 0.
    """
    import re

    from provision.conda.lint import DEFAULT_NAMES, LintSettings

    names = given["names"] or DEFAULT_NAMES
    try:
        re.compile(names)
    except re.error as exc:
        raise InputError(f"--names {names!r} is no pattern", why=str(exc)) from exc
    cuda = given["cuda"]
    settings = LintSettings(
        names=names,
        platforms=given["platforms"],
        cuda="" if cuda == "none" else cuda,
        index=given["local_index"],
        ignore=_ignored(given["ignore"]),
    )
    reports = [_look(path, settings) for path in files]
    if given["diff"] and not given["as_json"]:
        for report in reports:
            click.echo("".join(_difference(report)), nl=False)
    if given["fix"]:
        for report in reports:
            _fix(report, settings)
    counts = _counted(reports)
    code = 1 if counts["error"] or (given["strict"] and counts["warning"]) else 0
    if given["as_json"]:
        _print_json(reports, given["fix"], code)
    else:
        _print_text(reports, given["fix"], given["verbose"])
    return code


def _difference(report: _Report) -> list[str]:
    from provision.conda.lint import masked

    before, after = (
        masked(text, report.path).splitlines(keepends=True)
        for text in (report.before, report.after)
    )
    return list(difflib.unified_diff(before, after, report.path, report.path))
