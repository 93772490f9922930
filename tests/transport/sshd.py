"""A real sshd on loopback, with its own keys and configuration."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from provision.transport.base import Target

__all__ = ["Sshd", "keygen", "sshd_binary", "stub_server"]


def sshd_binary() -> str | None:
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A key pair at `path` and `path`.pub."""
    options = ["-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(["ssh-keygen", "-q", *options], check=True)
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Sshd:
    """`key` may log in as the user who runs the tests; `known_hosts` has the host's keys."""

    def __init__(
        self, directory: Path, config: str = "", kinds: tuple[str, ...] = ("ed25519",)
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.kinds = kinds
        self.user = getpass.getuser()
        self.key = keygen(directory / "key")
        self.authorized_keys = directory / "authorized_keys"
        self.authorized_keys.write_text((directory / "key.pub").read_text())
        for kind in kinds:
            keygen(directory / f"host_{kind}", kind)
        self.known_hosts = directory / "known_hosts"
        self.known_hosts.write_text("".join(map(self.known_line, kinds)))
        self._config = directory / "sshd_config"
        lines = [
            config,  # first: of several values, sshd takes that
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            *(f"HostKey {directory}/host_{kind}" for kind in kinds),
            f"AuthorizedKeysFile {self.authorized_keys}",
            f"PidFile {directory}/pid",
            "StrictModes no",
            "PermitRootLogin yes",
            "UseDNS no",
            "MaxStartups 200",
            "UsePAM no",
        ]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def known_line(self, kind: str, name: str = "") -> str:
        public = (self.directory / f"host_{kind}.pub").read_text().split()
        return f"{name or f'[127.0.0.1]:{self.port}'} {public[0]} {public[1]}\n"

    def target(self, **changes: Any) -> Target:
        plain = Target(
            host="box",
            address="127.0.0.1",
            port=self.port,
            user=self.user,
            private_key_files=(str(self.key),),
            known_hosts_files=(str(self.known_hosts),),
            # What the machine's own configuration says is not what is tested.
            ssh_args=("-F", "none"),
        )
        return replace(plain, **changes)

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        binary = sshd_binary()
        assert binary is not None
        log = str(self.directory / "log")
        self._process = subprocess.Popen([binary, "-D", "-f", str(self._config), "-E", log])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise AssertionError(f"sshd did not start: {Path(log).read_text()}")

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def signal_sessions(self, number: int) -> None:
        """To all processes that serve connections; a host that dies is one that gets SIGKILL."""
        assert self._process is not None
        waiting = [self._process.pid]
        while waiting:
            children = Path(f"/proc/{waiting[0]}/task/{waiting.pop(0)}/children")
            with contextlib.suppress(FileNotFoundError):
                found = [int(pid) for pid in children.read_text().split()]
                waiting += found
                for pid in found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)


@contextlib.contextmanager
def stub_server(serve: Any) -> Iterator[int]:
    """`serve(socket)` for each connection to the port that is given, in a thread of its own."""
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            open_sockets.append(client)
            threading.Thread(target=run, args=(client,), daemon=True).start()

    def run(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            serve(client)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
