"""Lines for login shells; sudo and su, with and without a password."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provision.errors import BecomeError, InputError
from provision.transport.base import Channel, Connection, Secret, Target
from provision.transport.become import Become, become_command, become_problem, start_as
from provision.transport.local import LocalConnector
from provision.transport.quoting import shell_line, shell_quote

from tests.labfixture import TestLab

WAIT_S = 20.0
NASTY = "it's \"$HOME\" `id` \\n !x !! %s ~ * {a,b} # ; é \\\\ \\'\n\tend\\"


def read_all(channel: Channel) -> bytes:
    pieces = []
    while data := channel.recv(1 << 16, WAIT_S):
        pieces.append(data)
    return b"".join(pieces)


@pytest.mark.parametrize("nasty", [NASTY, NASTY.replace("\n", "")], ids=["lines", "line"])
@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "csh", "tcsh", "fish", "ksh"])
def test_every_login_shell_understands_the_line(shell: str, nasty: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} on this machine")
    line = shell_line(f'printf %s {shell_quote(nasty)}; echo; echo "$0"; exit 3')
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([shell, "-c", line], capture_output=True, env=environment, check=False)
    assert done.stdout.decode() == f"{nasty}\n/bin/sh\n"
    assert done.returncode == 3


def test_lines_stay_readable_where_they_can() -> None:
    assert shell_line('echo "$HOME"') == """exec /bin/sh -c 'echo "$HOME"'"""
    assert become_command(["python3", "-c", "1"], None) == "exec /bin/sh -c 'exec python3 -c 1'"


def test_the_sudo_line_asks_for_nothing_without_a_password() -> None:
    line = become_command(["id", "-u"], Become("web", flags="-E"))
    assert line == "exec /bin/sh -c 'exec sudo -H -n -E -u web -- id -u'"


def test_a_shell_with_arguments_is_not_started_twice(here: Connection) -> None:
    words = ["/bin/sh", "-c", 'echo "$#:$1:$2"', "sh", "a b", "it's"]
    line = become_command(words, None)
    assert line.count("/bin/sh") == 1
    assert read_all(here.start(line)) == b"2:a b:it's\n"


def test_a_method_that_is_not_known() -> None:
    with pytest.raises(InputError, match="'pbrun' is not known"):
        become_command("id", Become(method="pbrun"))


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("sudo: a password is required\n", "sudo wants a password"),
        ("sudo: a terminal is required to read the password; either use", "sudo wants a password"),
        ("bob is not in the sudoers file.\n", "the login user may not become root"),
        (
            "Sorry, user bob is not allowed to execute '/bin/sh' as root on x.",
            "may not become root",
        ),
        ("sudo: sorry, you must have a tty to run sudo\n", "insists on a terminal"),
        ("sudo: 1 incorrect password attempt\n", "wrong sudo password for root"),
        ("sudo: unknown user root\nsudo: error initializing audit", "there is no user root"),
        ("/bin/sh: 1: exec: sudo: not found\n", "there is no sudo"),
        ("motd\nsudo: ein Passwort ist notwendig\n", "sudo did not start the program"),
    ],
)
def test_what_sudo_says_is_understood(said: str, what: str) -> None:
    problem = become_problem(said, Become(), "box")
    assert problem is not None
    assert what in problem.what
    assert problem.host == "box"


def test_what_programs_say_is_left_alone() -> None:
    assert become_problem("Traceback: KeyError\n", Become(), "box") is None
    assert become_problem("sudo: a password is required\n", None, "box") is None


# -- the prompt, with stand-ins for sudo ----------------------------------------------------

SUDO = r"""#!/bin/bash
while [ "$1" != -- ]; do
    case $1 in -p) prompt=$2; shift ;; -u) user=$2; shift ;; -n) silent=1 ;; esac
    shift
done
shift
if [ "$silent" ]; then echo "sudo: a password is required" >&2; exit 1; fi
for attempt in 1 2 3; do
    printf %s "$prompt" >&2
    IFS= read -r word || exit 1
    echo "$word" >> TRIES
    [ "$word" = "right" ] && exec "$@"
    echo "Sorry, try again." >&2
done
exit 1
"""


@pytest.fixture
def fake_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program named sudo first in $PATH; gives the file with what was tried."""

    def make(script: str) -> Path:
        path = tmp_path / "bin" / "sudo"
        path.parent.mkdir()
        path.write_text(script.replace("TRIES", str(tmp_path / "tries")))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return tmp_path / "tries"

    return make


@pytest.fixture
def here() -> Iterator[Connection]:
    connection = LocalConnector().connect(Target("here"))
    yield connection
    connection.close()


def test_the_password_is_given_once_and_the_input_follows(
    here: Connection, fake_sudo: Callable[[str], Path]
) -> None:
    tries = fake_sudo(SUDO)
    channel = start_as(here, ["cat"], Become(password=Secret("right")))
    channel.send(b"first line\nsecond\n")
    channel.send_eof()
    assert read_all(channel) == b"first line\nsecond\n"
    assert channel.stderr() == b""
    assert tries.read_text() == "right\n"


def test_a_wrong_password_is_tried_once(here: Connection, fake_sudo: Callable[[str], Path]) -> None:
    tries = fake_sudo(SUDO)
    with pytest.raises(BecomeError, match="wrong sudo password for root") as caught:
        start_as(here, ["cat"], Become(password=Secret("dragon")))
    assert tries.read_text() == "dragon\n"
    assert "dragon" not in str(caught.value)


def test_a_password_that_nobody_asks_for_does_not_reach_the_program(
    here: Connection, fake_sudo: Callable[[str], Path]
) -> None:
    fake_sudo('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    channel = start_as(here, ["cat"], Become(password=Secret("right")))
    channel.send_eof()
    assert read_all(channel) == b""


def test_a_missing_password_is_said_when_the_program_does_not_come(
    here: Connection, fake_sudo: Callable[[str], Path]
) -> None:
    fake_sudo(SUDO)
    channel = start_as(here, ["cat"], Become())
    with pytest.raises(BecomeError, match="sudo wants a password") as caught:
        channel.recv(1, WAIT_S)
    assert "--ask-become-pass" in caught.value.hint


def test_a_missing_password_is_said_to_who_sends(
    here: Connection, fake_sudo: Callable[[str], Path]
) -> None:
    fake_sudo(SUDO)
    channel = start_as(here, ["cat"], Become())
    with pytest.raises(BecomeError, match="sudo wants a password"):
        channel.send(b"x" * 10_000_000)


def test_a_sudo_that_hangs(
    here: Connection, fake_sudo: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.transport.become.PROMPT_TIMEOUT_S", 0.2)
    fake_sudo("#!/bin/sh\nexec sleep 100\n")
    with pytest.raises(BecomeError, match=r"no answer within 0\.2 s"):
        start_as(here, ["cat"], Become(password=Secret("right")))


def test_output_of_a_program_that_fails_is_not_mistaken(
    here: Connection, fake_sudo: Callable[[str], Path]
) -> None:
    fake_sudo('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    channel = start_as(here, "echo out; echo 'sudo: a password is required' >&2; exit 5", Become())
    assert read_all(channel) == b"out\n"
    assert channel.exit_status(WAIT_S) == 5


# -- real ones ------------------------------------------------------------------------------


@pytest.fixture
def people(lab: TestLab) -> Iterator[tuple[TestLab, str]]:
    """A lab host with users pw (sudo with a password), no (no sudo) and tty (requiretty)."""
    host = lab.hosts[0].name
    script = """
        set -e
        for u in pw no tty; do
            id -u bt$u >/dev/null 2>&1 || useradd -m -s /bin/bash bt$u
            echo bt$u:sesame | chpasswd
            install -d -o bt$u -m 700 /home/bt$u/.ssh
            install -o bt$u -m 600 /root/.ssh/authorized_keys /home/bt$u/.ssh/authorized_keys
        done
        printf 'btpw ALL=(ALL) ALL\nbttty ALL=(ALL) NOPASSWD: ALL\nDefaults:bttty requiretty\n' \
            > /etc/sudoers.d/become-test
    """
    lab.run(host, script)
    yield lab, host
    undo = "rm -f /etc/sudoers.d/become-test; for u in pw no tty; do userdel -rf bt$u; done"
    lab.run(host, undo, check=False)  # a session may still be ending, -f removes all the same


@pytest.mark.lab
def test_sudo_and_su_on_a_real_host(people: tuple[TestLab, str]) -> None:
    from provision.transport.ssh import SshConnector

    lab, name = people
    address = next(h.addresses[0] for h in lab.hosts if h.name == name)
    connector = SshConnector()

    def outcome(user: str, become: Become) -> str:
        connection = connector.connect(
            Target(
                host=name,
                address=address,
                user=user,
                private_key_files=(str(lab.key),),
                known_hosts_files=(str(lab.known_hosts),),
            )
        )
        try:
            channel = start_as(connection, "id -un; cat", become)
            channel.send(b"input\n")
            channel.send_eof()
            return read_all(channel).decode()
        except BecomeError as exc:
            return exc.what
        finally:
            connection.close()

    right, wrong = Secret("sesame"), Secret("dragon")
    assert outcome("ops", Become()) == "root\ninput\n"
    assert outcome("ops", Become("btno", password=wrong)) == "btno\ninput\n"
    assert outcome("btpw", Become()) == "sudo wants a password"
    assert outcome("btpw", Become(password=right)) == "root\ninput\n"
    assert outcome("btpw", Become(password=wrong)) == "wrong sudo password for root"
    assert outcome("btno", Become(password=right)) == "the login user may not become root"
    assert outcome("bttty", Become()) == "sudo on the host insists on a terminal"
    assert outcome("ops", Become("nobody-here")) == "there is no user nobody-here on the host"
    assert outcome("root", Become("btno", method="su")) == "btno\ninput\n"
    assert outcome("btno", Become("btpw", method="su", password=right)) == "btpw\ninput\n"
    assert outcome("btno", Become("btpw", method="su", password=wrong)) == (
        "wrong su password for btpw"
    )
    connector.close()
