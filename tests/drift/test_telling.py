"""Commands and hooks on drift, quiet runs, metrics, texts."""

from __future__ import annotations

import email
import email.policy
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.drift.support import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    assert made.run("apply").code == 0
    return made


def _writer(path: Path) -> str:
    code = f"import sys; open({str(path)!r}, 'w').write(sys.stdin.read()); print('told')"
    return shlex.join([sys.executable, "-c", code])


def test_a_command_gets_the_drift_as_json(project: Project, capfd: Any) -> None:
    out = project.path / "told.json"
    assert project.run("drift", "--on-drift", _writer(out)).code == 0
    assert not out.exists()
    project.file("a", "limits").write_text("a=2; rm -rf /\n")
    assert project.run("drift", "--on-drift", _writer(out)).code == 3
    told = json.loads(out.read_text())
    assert told["run"]["exit_code"] == 3
    (thing,) = told["drifted"]
    assert (thing["host"], thing["task"], thing["keys"]) == ("a", "limits file", ["content"])
    assert thing["evidence"][0]["about"] == str(project.file("a", "limits"))
    assert thing["since"]
    assert told["totals"]["drifted"] == 1


def test_no_shell_reads_the_command(project: Project) -> None:
    project.file("a", "limits").unlink()
    trap = project.path / "trap"
    project.run("drift", "--on-drift", f"true ; touch {trap}")
    project.run("drift", "--on-drift", f"true $(touch {trap})")
    assert not trap.exists()


def test_a_command_that_fails_is_a_warning(project: Project) -> None:
    project.file("a", "limits").unlink()
    done = project.run("drift", "--on-drift", "false")
    assert done.code == 3
    assert "warning: the command for drifts failed: false ended with 1" in done.err
    done = project.run("drift", "--on-drift", "/no/such/program")
    assert (done.code, done.out) == (2, "")


class _Hook(BaseHTTPRequestHandler):
    got: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_hook(project: Project, hook: str) -> None:
    project.file("b", "limits").unlink()
    done = project.run("drift", "--webhook", f"{hook}/secret-path")
    assert (done.code, done.err) == (3, "")
    assert _Hook.got[-1]["drifted"][0]["host"] == "b"
    done = project.run("drift", "--webhook", f"{hook}/broken")
    assert done.code == 3
    assert "warning: the web hook could not be reached" in done.err
    assert "broken" not in done.err


def test_quiet_says_nothing_when_all_is_in_sync(project: Project) -> None:
    done = project.run("drift", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    project.file("a", "limits").unlink()
    done = project.run("drift", "--quiet")
    assert done.code == 3
    assert "a has drifted" in done.out


def _metrics(path: Path) -> dict[str, float]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@pytest.mark.parametrize("history", [(), ("--no-history",)])
def test_metrics(project: Project, history: tuple[str, ...]) -> None:
    path = project.path / "provision.prom"
    good = 'provision_last_good_run_timestamp_seconds{playbook="play.yml"}'
    sync = 'provision_last_in_sync_timestamp_seconds{playbook="play.yml"}'
    project.run("drift", "--prometheus", str(path), *history)
    first = _metrics(path)
    things = 'provision_things{playbook="play.yml",host="%s",class="%s"}'
    assert first[things % ("a", "in_sync")] == 3
    assert first[good] == first[sync] == pytest.approx(first[good])
    project.file("a", "limits").unlink()
    project.run("drift", "--prometheus", str(path), *history)
    second = _metrics(path)
    assert second[things % ("a", "drifted")] == 1
    assert second['provision_run_exit_code{playbook="play.yml"}'] == 3
    assert second[good] > first[good]
    assert second[sync] == pytest.approx(first[sync], abs=0.01)
    project.file("b", "folder").rmdir()
    project.file("b", "folder").write_text("")
    project.run("drift", "--prometheus", str(path), *history)
    assert _metrics(path)[good] == pytest.approx(second[good], abs=0.01)


def test_texts_for_people(project: Project) -> None:
    project.file("a", "limits").unlink()
    project.file("b", "limits").unlink()
    markdown, mail = project.path / "o.md", project.path / "o.eml"
    project.run("drift", "--markdown", str(markdown), "--mail", str(mail))
    assert "- drifted: **limits file** on a,b: missing" in markdown.read_text()
    read = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert read["Subject"] == "provision drift: 2 drifted, 0 in sync"
    assert "drifted: limits file on a,b\n    missing" in read.get_content()


def test_markdown_takes_names_as_text(tmp_path: Path) -> None:
    play = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: "<b>@all</b> [x](https://example.org) `y`"
          copy: {dest: "{{ playbook_dir }}/new", content: x}
    """
    project = Project(tmp_path, ["a"], play)
    markdown = tmp_path / "o.md"
    project.run("drift", "--markdown", str(markdown))
    line = next(one for one in markdown.read_text().splitlines() if one.startswith("- "))
    assert r"\<b\>\@all\</b\> \[x\]\(https:" in line, line
    assert "://" not in line
