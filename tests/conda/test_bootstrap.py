"""The bootstrap script under this machine's /bin/sh, as it runs over a connection."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from provision.actions.args import parse_args
from provision.actions.miniconda import Args, bootstrap
from provision.conda.bootstrap import (
    BootstrapRequest,
    BootstrapResult,
    bootstrap_command,
    bootstrap_result,
    bootstrap_script,
)

from tests.actions.conftest import here
from tests.actions.harness import ActionHost, TestContext
from tests.actions.test_miniconda import Vendor, vendor

__all__ = ["here", "vendor"]  # fixtures


def run(request: BootstrapRequest, installer: bytes = b"", path: str = "") -> BootstrapResult:
    script = bootstrap_script(request)
    done = subprocess.run(
        ["/bin/sh", "-c", bootstrap_command(script)],
        input=script.encode() + installer,
        capture_output=True,
        timeout=60,
        env={"PATH": path or "/usr/local/bin:/usr/bin:/bin"},
        check=False,
    )
    assert done.stderr == b""
    return bootstrap_result(b"Welcome to gpu01!\n" + done.stdout)


def request_for(vendor: Vendor, prefix: Path, **more: str) -> BootstrapRequest:
    return BootstrapRequest(
        str(prefix),
        url_head=f"{vendor.url}/Miniconda3-py311_26.7.1-1-Linux-",
        sha256=more,
        published=not more,
    )


def test_it_installs_once(vendor: Vendor, tmp_path: Path) -> None:
    request = request_for(vendor, tmp_path / "opt/miniconda3")
    first = run(request)
    assert (first.status, first.msg) == ("changed", "installed")
    assert first.python == str(tmp_path / "opt/miniconda3/bin/python")
    assert run(request).status == "ok"
    assert len(vendor.runs()) == 1
    assert sorted(p.name for p in (tmp_path / "opt").iterdir()) == ["miniconda3"]


def test_a_wrong_hash_is_never_run(vendor: Vendor, tmp_path: Path) -> None:
    result = run(request_for(vendor, tmp_path / "m", x86_64="0" * 64, aarch64="0" * 64))
    assert result.status == "failed"
    assert "not what was promised" in result.msg
    assert vendor.runs() == []


def test_a_missing_installer_is_named(tmp_path: Path, vendor: Vendor) -> None:
    request = BootstrapRequest(
        str(tmp_path / "m"), f"{vendor.url}/Nope-", {"x86_64": "0" * 64, "aarch64": "0" * 64}
    )
    result = run(request)
    assert result.status == "failed"
    assert "404" in result.msg


def test_an_installer_that_fails_leaves_nothing(vendor: Vendor, tmp_path: Path) -> None:
    vendor.stop.touch()
    result = run(request_for(vendor, tmp_path / "opt/m"))
    assert result.status == "failed"
    assert "no space left" in result.msg
    assert list((tmp_path / "opt").iterdir()) == []


def test_a_half_made_prefix_is_replaced(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "m/pkgs/x").mkdir(parents=True)
    assert run(request_for(vendor, tmp_path / "m")).status == "changed"
    assert not (tmp_path / "m/pkgs/x").exists()


def test_environments_outlive_a_repair(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "m/envs/mine").mkdir(parents=True)
    (tmp_path / "m/conda-meta").mkdir()
    assert run(request_for(vendor, tmp_path / "m")).status == "changed"
    assert (tmp_path / "m/envs/mine").is_dir()


def test_what_is_no_miniconda_is_left_alone(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/thesis.tex").touch()
    result = run(request_for(vendor, tmp_path / "m"))
    assert result.status == "failed"
    assert "no Miniconda" in result.msg
    assert (tmp_path / "m/thesis.tex").exists()


def test_the_installer_may_follow_the_script(
    vendor: Vendor, here: ActionHost, tmp_path: Path
) -> None:
    data = vendor.publish("26.7.1-1").read_bytes()
    (here.project / "files").mkdir()
    (here.project / "files/m.sh").write_bytes(data)
    args = Args(version="26.7.1-1", prefix=str(tmp_path / "m"), installer="m.sh")
    request, source = bootstrap(args, TestContext(here, False, {}))
    assert source is not None
    assert run(request, source.read_bytes()).status == "changed"
    assert run(request, source.read_bytes()).status == "ok"


def test_a_task_without_an_agent(vendor: Vendor, here: ActionHost, tmp_path: Path) -> None:
    args = Args(version="26.7.1-1", python="py311", prefix=str(tmp_path / "m"), mirror=vendor.url)
    request, source = bootstrap(args, TestContext(here, False, {}))
    assert source is None
    assert run(request).status == "changed"
    assert (tmp_path / "m/.condarc").read_text() == "channels:\n  - conda-forge\n"


def test_the_task_has_nothing_left_to_change(
    vendor: Vendor, here: ActionHost, tmp_path: Path
) -> None:
    words: dict[str, Any] = {
        "version": "26.7.1-1",
        "python": "py311",
        "prefix": str(tmp_path / "m"),
        "mirror": vendor.url,
        "channels": ["team", "defaults"],
        "accept_defaults_terms": True,
        "pkgs_dirs": ["/data/it's/pkgs"],
        "mode": "0750",
        "owner": "root",
    }
    args = parse_args(Args, words, "miniconda")
    request, _ = bootstrap(args, TestContext(here, False, {}))
    assert run(request).status == "changed"
    outcome = here.run("miniconda", **words)
    assert (outcome.status, outcome.diff) == ("ok", [])
    assert len([line for line in vendor.runs() if line.startswith("tos accept")]) == 2


def test_without_curl_and_wget_it_says_so(vendor: Vendor, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dd", "dirname", "basename", "mkdir", "mktemp", "uname", "cat", "rm", "tr", "ls"):
        (tools / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else name)
    result = run(request_for(vendor, tmp_path / "m"), path=str(tools))
    assert result.status == "failed"
    assert "neither curl nor wget" in result.msg


@pytest.mark.parametrize("output", [b"", b"motd only\n", b"PROVISION-BOOTSTRAP {]\n"])
def test_silence_is_a_failure(output: bytes) -> None:
    assert bootstrap_result(output).status == "failed"
