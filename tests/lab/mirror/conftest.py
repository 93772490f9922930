"""A small real channel, served by the mirror's own server, and the stand-in run against it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from provision.lab.mirror.apt import AptProxy
from provision.lab.mirror.builds import Built
from provision.lab.mirror.condapkg import PLACEHOLDER, PackageSpec, write_package
from provision.lab.mirror.demo import write_demo_packages
from provision.lab.mirror.files import FileCache
from provision.lab.mirror.pypi import PypiProxy
from provision.lab.mirror.server import MirrorServer, Routes
from rattler.index import index_fs

_RUN = """
import os, sys
sys.prefix = sys.argv.pop(1)
from provision.lab.mirror.standin.cli import main
try:
    code = main()
except SystemExit as stop:
    code = stop.code if isinstance(stop.code, int) else 0
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""


def put(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _python_package(root: Path) -> None:
    """Enough of a python for noarch packages: it runs the tests' own interpreter."""
    put(root, "bin/python3.11", f'#!/bin/sh\nexec {sys.executable} "$@"\n', 0o755)
    (root / "bin/python").symlink_to("python3.11")


def _build_channel(channel: Path, work: Path) -> None:
    _python_package(work / "python")
    write_package(work / "python", PackageSpec("python", "3.11.2", "0_cpython"), channel)
    put(work / "pip", "site-packages/README-pip.txt", "conda adds pip to every python\n")
    spec = PackageSpec("pip", "25.3", "0", noarch="python", depends=("python",))
    write_package(work / "pip", spec, channel)
    write_demo_packages(work, channel)
    for version in ("1.16.0", "1.17.0"):
        root = work / f"six-{version}"
        put(root, "site-packages/six.py", f"__version__ = {version!r}\n")
        put(
            root,
            f"site-packages/six-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: six\nVersion: {version}\n",
        )
        spec = PackageSpec(
            "six",
            version,
            "py_0",
            noarch="python",
            depends=("python",),
            entry_points=("six-hello = six:hello",),
        )
        write_package(root, spec, channel)
    root = work / "broken-link"
    put(root, "bin/.broken-link-post-link.sh", "#!/bin/sh\necho no luck >&2\nexit 7\n", 0o755)
    write_package(root, PackageSpec("broken-link", "1.0", "0"), channel)
    root = work / "texts"
    put(root, "etc/texts.conf", f"home = {PLACEHOLDER}/share\n")
    write_package(root, PackageSpec("texts", "1.0", "0", noarch="generic"), channel)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=False, force=True))


@dataclass
class Served:
    """A running mirror over a small channel. `state` holds faults.json and access.jsonl."""

    url: str
    state: Path
    built: Built
    server: MirrorServer

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = (self.state / "access.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def fault(self, **rule: Any) -> None:
        (self.state / "faults.json").write_text(json.dumps([rule]))


@pytest.fixture(scope="session")
def small_build(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    built = Built(folder)
    _build_channel(built.channel, tmp_path_factory.mktemp("work"))
    built.installers.mkdir()
    put(built.installers, "Miniconda3-py311_26.7.1-1-Linux-x86_64.sh", "#!/bin/sh\n")
    put(
        built.installers,
        "Miniconda3-py311_26.7.1-1-Linux-x86_64.sh.sha256",
        f"{'ab' * 32}  Miniconda3-py311_26.7.1-1-Linux-x86_64.sh\n",
    )
    put(folder, "built.json", "{}\n")
    return built


@pytest.fixture
def mirror(small_build: Built, tmp_path: Path) -> Iterator[Served]:
    state = tmp_path / "state"
    state.mkdir()
    cache = FileCache(tmp_path / "cache")
    routes = Routes(small_build, state, PypiProxy(cache), AptProxy(cache))
    server = MirrorServer(("127.0.0.1", 0), routes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Served(f"http://127.0.0.1:{server.server_address[1]}", state, small_build, server)
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Standin:
    """The stand-in with a base prefix and a home of its own."""

    root: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        kept = {key: os.environ[key] for key in ("PATH",)}
        return subprocess.run(
            [sys.executable, "-c", _RUN, str(self.root), *arguments],
            env={**kept, "HOME": str(self.home), **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        done = self(*arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def error(self, *arguments: str) -> dict[str, Any]:
        """The JSON error of a command that must fail."""
        done = self(*arguments, "--json")
        assert done.returncode == 1, done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def conda(mirror: Served, tmp_path: Path) -> Standin:
    root, home = tmp_path / "base", tmp_path / "home"
    (root / "conda-meta").mkdir(parents=True)
    (root / "conda-meta/history").touch()
    home.mkdir()
    (root / ".condarc").write_text(
        f"channels: [conda-forge]\nchannel_alias: {mirror.url}/conda\n"
        f"default_channels: ['{mirror.url}/conda/pkgs/main']\n"
    )
    return Standin(root, home)
