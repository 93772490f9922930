"""Facts: of real hosts, compared with what their own commands say; of GPUs, from the kind of
output nvidia-smi prints (written by hand in its format, not recorded from a machine)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from provision.agent.factgpu import driver_version
from provision.agent.facts import GROUPS, chosen

from tests.actions.conftest import RealHost
from tests.actions.harness import ActionHost

FULL = (
    "0, GPU-11111111-2222-3333-4444-555555555555, 00000000:17:00.0, NVIDIA H100 80GB HBM3, "
    "550.54.15, 81559, 4, 9.0, Enabled, Disabled, Enabled, 0, 16, 16, 700.00, 31\n"
    "1, GPU-66666666-7777-8888-9999-000000000000, 00000000:65:00.0, NVIDIA H100 80GB HBM3, "
    "550.54.15, 81559, 70123, 9.0, Enabled, [N/A], Enabled, [N/A], 8, 16, 700.00, 58\n"
)


@pytest.fixture
def with_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Gathers GPU facts on this machine with a stand-in for nvidia-smi."""

    def run(script: str) -> dict[str, Any]:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        host = ActionHost(tmp_path)
        facts = host.run("setup", gather_subset=["!all", "!min", "gpu"]).facts
        host.close()
        assert list(facts) == ["ansible_gpu"]
        gpu: dict[str, Any] = facts["ansible_gpu"]
        return gpu

    return run


def test_gpus_are_told_with_their_values(with_smi: Callable[[str], dict[str, Any]]) -> None:
    gpu = with_smi(f"cat <<'E'\n{FULL}E\n")
    assert (gpu["count"], gpu["driver"], gpu["error"]) == (2, "550.54.15", "")
    first, second = gpu["devices"]
    assert first["uuid"] == "GPU-11111111-2222-3333-4444-555555555555"
    assert (first["memory_mb"], first["compute_cap"], first["mig"]) == (81559, "9.0", False)
    assert (second["mig"], second["ecc_errors"], second["pcie_width"]) == (None, None, 8)


def test_an_old_driver_is_asked_for_less(with_smi: Callable[[str], dict[str, Any]]) -> None:
    gpu = with_smi(
        'case "$1" in *compute_cap*) echo \'Field "compute_cap" is not a valid field to query.\';'
        " exit 2;; esac\n"
        "echo '0, GPU-1, 00000000:01:00.0, Tesla K80, 390.48, 11441, 0'\n"
    )
    assert [(d["name"], d["memory_mb"]) for d in gpu["devices"]] == [("Tesla K80", 11441)]


def test_a_broken_driver_is_an_error_and_no_gpu(with_smi: Callable[[str], dict[str, Any]]) -> None:
    gpu = with_smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18\n")
    assert gpu["count"] == 0
    assert "Driver/library version mismatch" in gpu["error"]


def test_no_devices_is_no_error(with_smi: Callable[[str], dict[str, Any]]) -> None:
    gpu = with_smi("echo 'No devices were found'; exit 6\n")
    assert (gpu["count"], gpu["error"]) == (0, "")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5", "550.54.15"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build",
            "570.86.15",
        ),
        ("", ""),
    ],
)
def test_the_kernel_modules_version(text: str, version: str) -> None:
    assert driver_version(text) == version


def test_subsets_mean_what_they_mean_in_playbooks() -> None:
    assert chosen(["all"]) == list(GROUPS)
    assert "mounts" not in chosen(["min"])
    assert "mounts" not in chosen(["!all"])
    assert "distribution" in chosen(["!all"])
    assert chosen(["!all", "!min"]) == []
    assert "interfaces" in chosen(["!all", "network"])
    assert "mounts" not in chosen(["!hardware"])
    assert "interfaces" in chosen(["!hardware"])
    assert chosen(["!all", "!min", "mounts"]) == ["mounts"]


def test_an_unknown_subset_is_named(here: ActionHost) -> None:
    outcome = here.run("setup", gather_subset=["hardwear"])
    assert outcome.status == "failed"
    assert "hardwear" in outcome.msg


def test_own_facts_from_files_and_programs(here: ActionHost, tmp_path: Path) -> None:
    folder = tmp_path / "facts.d"
    folder.mkdir()
    (folder / "site.fact").write_text('{"rack": 7}')
    (folder / "old.fact").write_text("[general]\nowner = lab\n")
    (folder / "made.fact").write_text("#!/bin/sh\necho '[1, 2]'\n")
    (folder / "made.fact").chmod(0o755)
    (folder / "broken.fact").write_text("#!/bin/sh\nexit 3\n")
    (folder / "broken.fact").chmod(0o755)
    (folder / "ignored.txt").write_text("x")
    outcome = here.run("setup", gather_subset=["!all", "local"], fact_path=str(folder))
    local = outcome.facts["ansible_local"]
    assert local.pop("broken").startswith("error loading fact")
    assert local == {"site": {"rack": 7}, "old": {"general": {"owner": "lab"}}, "made": [1, 2]}


def test_a_filter_leaves_only_matching_names(here: ActionHost) -> None:
    outcome = here.run("setup", filter=["ansible_mem*", "os_family"])
    assert set(outcome.facts) == {
        "ansible_memtotal_mb",
        "ansible_memfree_mb",
        "ansible_memory_mb",
        "ansible_os_family",
    }


@pytest.mark.lab
@pytest.mark.parametrize(
    ("release", "major", "python"),
    [("bookworm", "12", "3.11"), ("trixie", "13", "3.13"), ("bullseye", "11", "3.9")],
)
def test_facts_of_a_real_host(real: RealHost, release: str, major: str, python: str) -> None:
    host = real(release=release)
    facts = host.run("setup").facts

    def said(line: str) -> str:
        return str(host.run("shell", cmd=line).data["stdout"])

    assert facts["ansible_os_family"] == facts["ansible_distribution"] == "Debian"
    assert facts["ansible_distribution_release"] == release
    assert facts["ansible_distribution_major_version"] == major
    assert facts["ansible_distribution_version"] == said("cat /etc/debian_version")
    assert facts["ansible_hostname"] == said("hostname -s")
    assert facts["ansible_kernel"] == said("uname -r")
    assert facts["ansible_architecture"] == said("uname -m")
    assert facts["ansible_python_version"].startswith(python + ".")
    assert (facts["ansible_service_mgr"], facts["ansible_pkg_mgr"]) == ("systemd", "apt")
    assert str(facts["ansible_processor_nproc"]) == said("nproc")
    assert facts["ansible_user_id"] == "root"
    assert facts["ansible_virtualization_role"] == "guest"
    addresses = [a for link in json.loads(said("ip -j addr")) for a in link["addr_info"]]
    shown = {a["local"] for a in addresses if a["family"] == "inet" and a["local"] != "127.0.0.1"}
    assert set(facts["ansible_all_ipv4_addresses"]) == shown
    default = json.loads(said("ip -j route show default"))[0]
    assert facts["ansible_default_ipv4"]["gateway"] == default["gateway"]
    assert facts["ansible_default_ipv4"]["interface"] == default["dev"]
    assert facts["ansible_eth0"]["ipv4"]["address"] in shown
    key = said("cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert facts["ansible_ssh_host_key_ed25519_public"] == key
    assert facts["ansible_gpu"]["count"] == 0
