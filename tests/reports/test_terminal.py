"""The whole command on a real terminal device."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.reports.test_live import Terminal

PLAY = """
- name: p
  hosts: all
  gather_facts: false
  tasks:
    - name: a file
      copy: {dest: "{{ playbook_dir }}/made-{{ inventory_hostname }}", content: "x"}
    - name: slow
      command: sleep 1
    - name: lost
      fail: {msg: "no more"}
      when: inventory_hostname == 'b'
"""
WIDTH = 80
_ENV = {"TERM": "xterm-256color", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}


class Session:
    """`provision apply` with a terminal of 80 columns."""

    def __init__(self, project: Path, sleep_s: float = 1, **env: str) -> None:
        (project / "play.yml").write_text(PLAY.replace("sleep 1", f"sleep {sleep_s}"))
        (project / "hosts").write_text("a ansible_connection=local\nb ansible_connection=local\n")
        self.fd, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
        words = ["apply", "play.yml", "-i", "hosts"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "provision", *words],
            stdin=far,
            stdout=far,
            stderr=far,
            cwd=project,
            env={**os.environ, **_ENV, **env},
            start_new_session=True,
        )
        os.close(far)
        self.raw = b""

    def _read(self) -> bool:
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data
        return bool(data)

    def until(self, text: str) -> None:
        end = time.monotonic() + 20
        while text.encode() not in self.raw and time.monotonic() < end and self._read():
            pass
        assert text.encode() in self.raw

    def end(self) -> tuple[int, list[str]]:
        """The exit code, and what stands on the terminal then."""
        while self._read():
            pass
        os.close(self.fd)
        terminal = Terminal(WIDTH)
        terminal.feed(self.raw.decode().replace("\r\n", "\n"))
        return self.process.wait(20), terminal.rows()


def test_nothing_of_the_live_lines_is_left(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.until("0 of 2 hosts done, 2 running")
    code, rows = session.end()
    assert code == 1
    assert rows[0] == "▸ p  a,b"
    assert not [row for row in rows if "running" in row or "\x1b" in row]
    told = "\n".join(rows)
    assert "~ a,b       a file  changed\n│   state: (absent) → file\n" in told
    assert "✗ b         lost  failed\n│   no more\n│   --> play.yml:10:7\n" in told
    assert rows[-2].startswith("2 hosts in ")
    assert rows[-2].endswith(": 4 changes on 2 hosts, b failed")


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(tmp_path: Path) -> None:
    session = Session(tmp_path, TERM="dumb")
    code, rows = session.end()
    assert code == 1
    assert b"\x1b" not in session.raw
    assert rows[0] == "▸ p  a,b"


def test_colours_unless_they_are_not_wanted(tmp_path: Path) -> None:
    session = Session(tmp_path, NO_COLOR="")
    assert session.end()[0] == 1
    assert b"\x1b[33m~\x1b[0m a,b       a file" in session.raw


def test_the_first_ctrl_c_is_answered_at_once_and_the_run_ends_well(
    tmp_path: Path,
) -> None:
    session = Session(tmp_path, sleep_s=4)
    session.until("slow")
    session.process.send_signal(signal.SIGINT)
    code, rows = session.end()
    assert code == 130
    assert "warning: stopping after the tasks that run now; again to cut off" in rows
    assert rows[-2].startswith("interrupted: 2 hosts in ")
