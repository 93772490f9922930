from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from provision.engine.events import RunStarted, Summary, TaskResult
from provision.errors import InputError
from provision.reports.junit import JUnit

from tests.cli.inprocess import provision

TOLD = [
    TaskResult(host="a", play="p", task="fine", status="ok", where="s.yml:3:5", duration_s=1.5),
    TaskResult(host="a", play="p", task="no", status="skipped", msg="when: false"),
    TaskResult(
        host="b",
        play="p",
        task="bad",
        status="failed",
        msg="non-zero <return> code\x00",
        data={"stderr": "a & b\x1b[0m", "rc": 1},
        where="s.yml:9:5",
    ),
    TaskResult(host="b", play="p", task="still", status="failed", ignored=True),
    TaskResult(host="c", play="p", task="connect", status="unreachable", msg="refused"),
    TaskResult(
        host="c",
        task="mode",
        status="changed",
        diff=[{"key": "mode", "before": "0600", "after": "0644"}],
    ),
]


def _write(path: Path, mode: str) -> ElementTree.Element:
    sink = JUnit(path)
    sink(RunStarted(mode, ["s.yml"], ["a", "b", "c", "d"]))
    for event in TOLD:
        sink(event)
    sink(Summary({}, 1, 2.0))
    sink.close()
    return ElementTree.parse(path).getroot()


def _counts(element: ElementTree.Element) -> tuple[str, ...]:
    return tuple(element.attrib[key] for key in ("tests", "failures", "errors", "skipped"))


def test_a_suite_for_each_host_and_a_case_for_each_task(tmp_path: Path) -> None:
    root = _write(tmp_path / "out.xml", "apply")
    assert _counts(root) == ("6", "1", "1", "1")
    assert [suite.attrib["name"] for suite in root] == ["a", "b", "c", "d"]
    assert _counts(root[1]) == ("2", "1", "0", "0")
    fine = root[0][0]
    assert fine.attrib == {
        "classname": "a.p",
        "name": "fine",
        "time": "1.500",
        "file": "s.yml",
        "line": "3",
    }
    (failure, output) = root[1][0]
    assert failure.tag == "failure"
    assert failure.attrib["message"] == "non-zero <return> code\\x00"
    assert "stderr: a & b" in (failure.text or "")
    assert output.text == "a & b?[0m"
    assert root[2][0][0].tag == "error"
    assert [file.name for file in tmp_path.iterdir()] == ["out.xml"]


@pytest.mark.parametrize(("mode", "word"), [("plan", "changed"), ("drift", "drifted")])
def test_what_differs_is_a_failure_unless_it_was_put_right(
    tmp_path: Path, mode: str, word: str
) -> None:
    changed = _write(tmp_path / "out.xml", mode)[2][1]
    assert changed[0].attrib == {"type": word, "message": "mode"}
    assert changed[0].text == "mode: 0600 → 0644"


def test_a_run_that_breaks_off_still_leaves_its_file(tmp_path: Path) -> None:
    sink = JUnit(tmp_path / "out.xml")
    sink(RunStarted("apply", ["s.yml"], ["a"]))
    sink(TOLD[0])
    sink.close()
    assert _counts(ElementTree.parse(tmp_path / "out.xml").getroot()) == ("1", "0", "0", "0")


def test_a_file_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "out.xml"):
        with pytest.raises(InputError, match="cannot be written here"):
            JUnit(path)


def test_the_option_writes_the_file(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text("- hosts: all\n  tasks: [{ping: }]\n")
    (tmp_path / "hosts").write_text("a ansible_connection=local\n")
    out = tmp_path / "out.xml"
    done = provision(
        "apply", str(tmp_path / "play.yml"), "-i", str(tmp_path / "hosts"), "--junit", str(out)
    )
    assert done.code == 0
    assert _counts(ElementTree.parse(out).getroot()) == ("1", "0", "0", "0")
