"""The host half's own floor: Python 3.8, standard library, cheap to start."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import provision.agent
import pytest
from provision.transport import payload
from provision.transport.link import Link, Step

from tests.actions.harness import PipeChannel

AGENT = Path(provision.agent.__file__).parent
SOURCES = sorted(AGENT.rglob("*.py"))
ALL_MODS = tuple(path.stem for path in (AGENT / "mods").glob("*.py") if path.stem != "__init__")

#: What may be imported on every host, whatever the playbook says; all cheap.
CHEAP = {"_json", "_signal", "fcntl", "grp", "marshal", "os", "posix", "pwd", "select", "stat"} | {
    "sys", "time", "zlib", "errno", "__future__"
}  # fmt: skip


def _works(path: str, minor: int) -> bool:
    code = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    try:
        return subprocess.run([path, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def pythons() -> list[str]:
    """Every CPython from 3.8 on that this machine has."""
    found: list[str] = []
    for minor in range(8, 16):
        installed = map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        paths = [*installed, shutil.which(f"python3.{minor}") or ""]
        found += [path for path in paths if path and _works(path, minor)][:1]
    return found or [sys.executable]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(AGENT)))
def test_source_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(AGENT)))
def test_imports_found_by_text_are_those_of_the_parser(path: Path) -> None:
    parts = path.relative_to(AGENT).with_suffix("").parts
    if parts[-1] == "__init__":
        return
    name = ".".join(("provision.agent", *parts))
    parsed = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("provision.agent"):
            module = node.module or ""
            if module in ("provision.agent", "provision.agent.mods"):
                parsed |= {f"{module}.{alias.name}" for alias in node.names}
            else:
                parsed.add(module)
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("provision") for alias in node.names)
    assert set(payload._imports(name)) == parsed


#: What a playbook of files, users, environments and services loads on every host.
HOT_MODS = (
    "command",
    "conda_env",
    "content",
    "file",
    "miniconda",
    "model_service",
    "systemd",
    "user",
)
HOT = [
    path for path in SOURCES if path.parent.name != "mods" or path.stem in (*HOT_MODS, "__init__")
]


@pytest.mark.parametrize("path", HOT, ids=lambda p: str(p.relative_to(AGENT)))
def test_nothing_expensive_is_imported_at_the_top(path: Path) -> None:
    """`typing`, `re`, `json`, `hashlib`, `subprocess` cost more than an interpreter start."""
    dear = {"typing", "re", "json", "hashlib", "subprocess", "signal", "pathlib", "dataclasses"}
    dear |= {"shutil", "tempfile", "collections", "functools", "contextlib", "enum", "urllib"}
    for node in ast.parse(path.read_text()).body:
        names = set()
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]}
        assert not names & dear, f"{path.name}:{node.lineno}"


def test_an_agent_that_pings_imports_only_what_is_cheap() -> None:
    code = "import sys; before = set(sys.modules)\n" + payload._BOOT.removesuffix("serve()")
    code += "import provision.agent.mods.ping\n"
    code += "print(sorted(n for n in set(sys.modules) - before if n[:9] != 'provision'))\n"
    names = payload.mods_closure(["ping", "command"])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        input=payload.preamble(names),
        capture_output=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout.decode().replace("'", '"')))
    # `os` brings a few of its own, which are frozen into the interpreter or tiny
    loaded -= {"_collections_abc", "abc", "_abc", "genericpath", "posixpath", "os.path", "_stat"}
    assert loaded <= CHEAP


@pytest.mark.parametrize("python", pythons())
def test_every_host_half_loads_on_every_python(python: str) -> None:
    channel = PipeChannel(payload.command([python]))
    link = Link(channel, "here", ALL_MODS)
    said = list(link.run([Step(0, "ping", {"data": "grüß dich"})]))
    assert said[0]["data"] == {"ping": "grüß dich"}
    assert link.facts()["python"] >= [3, 8]
    link.close()


def test_modules_can_follow_later() -> None:
    link = Link(PipeChannel(payload.command([sys.executable])), "here", ["ping"])
    list(link.run([Step(0, "ping", {})]))
    said = list(link.run([Step(0, "command", {"argv": ["echo", "x"]})]))
    assert said[0]["data"]["stdout"] == "x"
    link.close()
