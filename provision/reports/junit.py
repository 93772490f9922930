"""JUnit XML for CI servers: a suite for each host, a case for each task."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from provision.engine.events import Event, RunStarted, Summary, TaskResult
from provision.errors import InputError, Mark, ProvisionError
from provision.reports.result import ResultView
from provision.reports.style import SIGNS, Palette
from provision.reports.text import clean
from provision.reports.things import differing

__all__ = ["JUnit"]

_OUTPUT = 64 * 1024  # characters of one program's output; servers choke on more
# What XML 1.0 cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class _Case:
    """`kind` is failure, error, skipped or empty; `text` and `output` are what is told below."""

    suite: str
    name: str
    where: str
    duration_s: float
    kind: str = ""
    word: str = ""
    message: str = ""
    text: str = ""
    output: str = ""


@dataclass(slots=True)
class _Suite:
    cases: list[_Case] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(case.kind == kind for case in self.cases)

    def duration_s(self) -> float:
        return sum(case.duration_s for case in self.cases)


class JUnit:
    """Writes `path` when the run ends. In a plan or drift run, what differs is a failure.

    Raises InputError at once when the file could not be written later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mode = "apply"
        self.name = "provision"
        self.view = ResultView(SIGNS)
        self.started = datetime.now(UTC)
        self.suites: dict[str, _Suite] = {}
        self.written = False
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise InputError(
                "the JUnit file cannot be written here",
                mark=Mark(str(path)),
                why="it is a directory" if path.is_dir() else f"no way to write to {path.parent}",
            )

    def __call__(self, event: Event) -> None:
        if isinstance(event, TaskResult):
            self.suites.setdefault(event.host, _Suite()).cases.append(self._case(event))
        elif isinstance(event, RunStarted):
            self.mode = event.mode
            self.view = ResultView(SIGNS, mode=event.mode)
            self.name = " ".join(["provision", event.mode, *event.playbooks])
            self.suites = {host: _Suite() for host in event.hosts}
        elif isinstance(event, Summary):
            self._write()

    def close(self) -> None:
        """Writes what there is when the run broke off. Raises ProvisionError."""
        if not self.written and self.suites:
            self._write()

    def _case(self, result: TaskResult) -> _Case:
        case = _Case(
            suite=".".join(part for part in (result.host, result.play) if part),
            name=result.task or result.action or result.status,
            where=result.where,
            duration_s=result.duration_s,
            word=result.status,
            message=result.msg,
            text=self._text(result),
        )
        if result.status == "failed":
            case.kind = "" if result.ignored else "failure"
        elif result.status == "unreachable":
            case.kind = "error"
        elif result.status in ("skipped", "unknown"):
            case.kind = "skipped"
        elif result.status == "changed" and self.mode != "apply":
            case.kind, case.word = "failure", "drifted" if self.mode == "drift" else "changed"
            case.message = ", ".join(differing(result))
        parts = [str(result.data.get(name) or "")[-_OUTPUT:] for name in ("stdout", "stderr")]
        case.output = "\n".join(part for part in parts if part)
        return case

    def _text(self, result: TaskResult) -> str:
        plain = Palette(colour=False)
        return "\n".join(plain.paint(line) for line in self.view.body(result))

    # -- the file ---------------------------------------------------------------------

    def _write(self) -> None:
        self.written = True
        folder = self.path.parent
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.writelines(line + "\n" for line in self._xml())
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as exc:
            raise ProvisionError(
                "the JUnit file could not be written",
                mark=Mark(str(self.path)),
                why=exc.strerror or "",
            ) from exc

    def _xml(self) -> Iterator[str]:
        yield '<?xml version="1.0" encoding="utf-8"?>'
        every = [case for suite in self.suites.values() for case in suite.cases]
        whole = _Suite(every)
        yield f"<testsuites {_attributes(self.name, whole)}>"
        stamp = self.started.strftime("%Y-%m-%dT%H:%M:%S")
        for host, suite in self.suites.items():
            more = f" hostname={_quoted(host)} timestamp={_quoted(stamp)}"
            yield f"  <testsuite {_attributes(host, suite)}{more}>"
            for case in suite.cases:
                yield from _case_lines(case)
            yield "  </testsuite>"
        yield "</testsuites>"


def _attributes(name: str, suite: _Suite) -> str:
    counts = {
        "tests": len(suite.cases),
        "failures": suite.count("failure"),
        "errors": suite.count("error"),
        "skipped": suite.count("skipped"),
    }
    numbers = " ".join(f'{key}="{value}"' for key, value in counts.items())
    return f'name={_quoted(name)} {numbers} time="{suite.duration_s():.3f}"'


def _case_lines(case: _Case) -> Iterator[str]:
    file, line = _place(case.where)
    place = f" file={_quoted(file)}" + (f' line="{line}"' if line else "") if file else ""
    time = f'time="{case.duration_s:.3f}"'
    head = f"    <testcase classname={_quoted(case.suite)} name={_quoted(case.name)} {time}{place}"
    inner = list(_inner(case))
    if not inner:
        yield head + "/>"
        return
    yield head + ">"
    yield from inner
    yield "    </testcase>"


def _inner(case: _Case) -> Iterator[str]:
    message = _quoted(clean(case.message.strip().split("\n")[0]))
    if case.kind == "skipped":
        yield f"      <skipped message={message}/>"
    elif case.kind:
        yield (
            f"      <{case.kind} type={_quoted(case.word)} message={message}>"
            f"{_escaped(case.text)}</{case.kind}>"
        )
    elif case.text:
        yield f"      <system-out>{_escaped(case.text)}</system-out>"
        return
    if case.output and case.kind:
        yield f"      <system-out>{_escaped(case.output)}</system-out>"


def _place(where: str) -> tuple[str, str]:
    """`site.yml:12:7` as file and line."""
    parts = where.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdigit():
        return parts[0], parts[1]
    return where, ""


def _escaped(text: str) -> str:
    return escape(_ILLEGAL.sub("?", text))


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("?", text))
