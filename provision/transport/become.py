"""Starting a program as another user, by sudo or su.

Without a password it costs nothing: the program's input may follow at once, and what sudo
complains about is found when the program ends without a word. With one, the prompt is waited
for, the password is sent once, and a second prompt means that it was wrong.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from provision.errors import BecomeError, ChannelLost, InputError
from provision.transport.base import Channel, Connection, Secret
from provision.transport.quoting import shell_line, shell_quote

__all__ = ["Become", "become_command", "become_problem", "start_as"]

PROMPT_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Become:
    """As whom a program shall run. `method` is sudo or su."""

    user: str = "root"
    method: str = "sudo"
    password: Secret | None = None
    flags: str = ""  # more options for sudo or su, as in a shell
    executable: str = ""  # the path of sudo or su there


# What sudo and su say, and what that means to the reader.
_COMPLAINTS: tuple[tuple[str, str, str], ...] = (
    (
        r"a (terminal is required to read the )?password( is required)?",
        "{method} wants a password",
        "give it with --ask-become-pass, or allow the login user NOPASSWD",
    ),
    (
        r"is not in the sudoers file|is not allowed to (execute|run)|may not run sudo",
        "the login user may not become {user}",
        "add a rule for it below /etc/sudoers.d on the host",
    ),
    (
        r"you must have a tty|no tty present",
        "sudo on the host insists on a terminal",
        "remove `Defaults requiretty` for the login user on the host",
    ),
    (
        r"incorrect password attempt|[Ss]orry, try again|Authentication failure",
        "wrong {method} password for {user}",
        "check --ask-become-pass or ansible_become_password",
    ),
    (
        r"unknown user|user \S+ does not exist",
        "there is no user {user} on the host",
        "check become_user",
    ),
    (
        r"(sudo|su): (command )?not found|not found.*(sudo|su)\b|(sudo|su): .*[Nn]o such file",
        "there is no {method} on the host",
        "install it, log in as {user}, or set become_method",
    ),
    (r"account has expired|account is locked", "the account of {user} is not usable", ""),
)


def become_command(program: Sequence[str] | str, become: Become | None, *, marker: str = "") -> str:
    """The login shell's line that starts `program`.

    A string is a script for /bin/sh. `marker` is the prompt that asks for the password, and
    with "+" behind it what is said on standard error once the password was taken.
    """
    if become is None:
        return shell_line(program if isinstance(program, str) else _script(program))
    words = list(program) if not isinstance(program, str) else ["/bin/sh", "-c", program]
    if marker:
        began = f'unset LC_ALL; echo {marker}+ >&2; exec "$@"'
        words = ["/bin/sh", "-c", began, "sh", *words]
    flags = shlex.split(become.flags)
    if become.method == "sudo":
        asking = ["-S", "-p", marker] if marker else ["-n"]
        line = [
            become.executable or "sudo",
            "-H",
            *asking,
            *flags,
            "-u",
            become.user,
            "--",
            *words,
        ]
    elif become.method == "su":
        inner = "exec " + shell_quote(words)
        line = [become.executable or "su", *flags, become.user, "-s", "/bin/sh", "-c", inner]
    else:
        raise InputError(f"become method {become.method!r} is not known", hint="use sudo or su")
    locale = "LC_ALL=C " if become.method == "su" and marker else ""
    return shell_line(f"{locale}exec {shell_quote(line)}")


def _script(words: Sequence[str]) -> str:
    """`words` as a script. One that would start a shell is folded into it: an exec less."""
    if tuple(words[:2]) == ("/bin/sh", "-c") and len(words) > 3:
        return f"set -- {shell_quote(words[4:])}; {words[2]}"
    return "exec " + shell_quote(words)


def become_problem(said: str, become: Become | None, host: str) -> BecomeError | None:
    """What kept sudo or su from starting the program, from what it said; None: not its doing."""
    if become is None:
        return None
    for pattern, what, hint in _COMPLAINTS:
        if re.search(pattern, said):
            values = {"user": become.user, "method": become.method}
            why = next((s for s in said.splitlines() if re.search(pattern, s)), "").strip()
            return BecomeError(
                what.format(**values), host=host, why=why, hint=hint.format(**values)
            )
    # In other languages: at least the line that names who complained.
    own = [line for line in said.splitlines() if line.startswith(f"{become.method}: ")]
    if own:
        return BecomeError(
            f"{become.method} did not start the program", host=host, why=own[-1].strip()
        )
    return None


def start_as(
    connection: Connection, program: Sequence[str] | str, become: Become | None
) -> Channel:
    """Starts `program` as `become` says; what is sent to the channel reaches the program.

    Raises BecomeError at once for a wrong password. Without a password nothing is waited for:
    the channel raises BecomeError when the program's output ends before it began.
    """
    host = connection.target.host
    if become is None:
        return connection.start(become_command(program, None))
    if become.password is None:
        return _Watched(connection.start(become_command(program, become)), become, host)
    marker = f"provision-{secrets.token_hex(8)}"
    channel = connection.start(become_command(program, become, marker=marker))
    try:
        left = _answer(channel, become, marker, host)
    except BaseException:
        channel.close()
        raise
    return _Watched(channel, become, host, left)


def _answer(channel: Channel, become: Become, marker: str, host: str) -> bytes:
    """Gives the password once; returns what standard error said after the program began."""
    assert become.password is not None
    began = f"{marker}+\n".encode()
    prompt = marker.encode() if become.method == "sudo" else b"assword: "
    deadline = time.monotonic() + PROMPT_TIMEOUT_S
    said = b""
    answered = False
    while True:
        said += (news := channel.stderr(max(0.0, deadline - time.monotonic())))
        if began in said:
            return said.split(began, 1)[1]
        if not answered and prompt in said:
            channel.send(str(become.password).encode() + b"\n")
            answered = True
            said = said.split(prompt, 1)[1]
        if answered and prompt in said:
            raise BecomeError(
                f"wrong {become.method} password for {become.user}",
                host=host,
                hint="check --ask-become-pass or ansible_become_password",
            )
        if not news:
            _give_up(channel, become, said, host, deadline)


def _give_up(channel: Channel, become: Become, said: bytes, host: str, deadline: float) -> None:
    text = said.decode("utf-8", "replace")
    if (problem := become_problem(text, become, host)) is not None:
        raise problem
    late = time.monotonic() >= deadline
    raise BecomeError(
        f"{become.method} did not start the program",
        host=host,
        why=f"no answer within {PROMPT_TIMEOUT_S:g} s" if late else text.strip(),
    )


class _Watched:
    """A channel whose first silence is explained by what sudo or su said."""

    def __init__(self, channel: Channel, become: Become, host: str, left: bytes = b"") -> None:
        self._channel = channel
        self._become = become
        self._host = host
        self._left = left
        self._spoke = False

    def send(self, data: bytes) -> None:
        try:
            self._channel.send(data)
        except ChannelLost:
            if not self._spoke:
                self._explain()
            raise

    def send_eof(self) -> None:
        self._channel.send_eof()

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        data = self._channel.recv(limit, timeout_s)
        if data or self._spoke:
            self._spoke = True
            return data
        self._explain()
        return data

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        left, self._left = self._left, b""
        return left + self._channel.stderr(0.0 if left else timeout_s)

    def exit_status(self, timeout_s: float | None) -> int:
        return self._channel.exit_status(timeout_s)

    def close(self) -> None:
        self._channel.close()

    def _explain(self) -> None:
        """Raises BecomeError when sudo or su is why there is no program."""
        self._left += self._channel.stderr()
        problem = become_problem(self._left.decode("utf-8", "replace"), self._become, self._host)
        if problem is not None:
            self.close()
            raise problem
