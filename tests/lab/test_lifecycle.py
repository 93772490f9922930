"""Labs of their own that are killed, damaged, grown and taken down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.errors import InputError, LabError
from provision.lab import Lab, UpRequest
from provision.lab.remote import ssh_arguments

pytestmark = [pytest.mark.lab, pytest.mark.slow]


def traces(lab: Lab) -> list[str]:
    """Everything on this machine that carries the lab's id or directory, looked up without
    the code under test."""
    lab_id, directory = lab.layout.lab_id, str(lab.layout.directory)
    found = []
    for name in ("ip netns list", "ip -o link show"):
        text = subprocess.run(name.split(), capture_output=True, text=True, check=True).stdout
        found += [line for line in text.splitlines() if lab_id in line]
    mounts = Path("/proc/mounts").read_text().splitlines()
    found += [line for line in mounts if lab_id in line or directory in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            groups = (process / "cgroup").read_text()
            dead = "\nState:\tZ" in (process / "status").read_text()
        except OSError:
            continue
        ours = process.name in (str(os.getpid()), str(os.getppid()))
        if (
            not ours
            and not dead
            and (lab_id in groups or any(directory in w or lab_id in w for w in words))
        ):
            found.append(f"process {process.name}: {' '.join(words)[:100]}")
    found += [str(p) for p in Path("/sys/fs/cgroup").glob(f"**/provision-lab-{lab_id}")]
    found += [str(p) for p in Path("/run/systemd/nspawn/propagate").glob(f"*{lab_id}*")]
    if lab.layout.directory.exists():
        found += [str(path) for path in lab.layout.directory.rglob("*")]
    return found


@pytest.fixture
def lab_of_one(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab")
    yield lab
    lab.down()


def remote(lab: Lab, host: str, line: str) -> str:
    argv = ssh_arguments(lab, host, command=line)
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


def run_up(lab: Lab, *options: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "provision", "lab", "up", "--no-mirror", *options]
    return subprocess.Popen(
        [*argv, "--dir", str(lab.layout.directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_up_twice_then_more_then_down(lab_of_one: Lab) -> None:
    lab = lab_of_one
    first = lab.up(UpRequest(hosts=1, mirror=False))
    boot = remote(lab, "gpu01", "cat /proc/sys/kernel/random/boot_id")
    assert lab.up(UpRequest(hosts=1, mirror=False)) == first
    grown = lab.up(UpRequest(hosts=2, mirror=False, addresses_per_host=3))
    assert [len(host.addresses) for host in grown.hosts] == [1, 3]
    assert grown.hosts[0] == first.hosts[0]
    assert remote(lab, "gpu01", "cat /proc/sys/kernel/random/boot_id") == boot
    assert remote(lab, "gpu02-003", "hostname") == "gpu02\n"
    with pytest.raises(InputError, match="gpu01 runs bookworm, not trixie"):
        lab.up(UpRequest(releases=("trixie",), mirror=False))
    lab.down()
    assert traces(lab) == []
    lab.down()


def test_a_dead_host_comes_back_with_its_files_and_keys(lab_of_one: Lab) -> None:
    lab = lab_of_one
    lab.up(UpRequest(hosts=1, mirror=False))
    known = lab.layout.known_hosts.read_text()
    remote(lab, "gpu01", "touch /root/kept && sync")
    pids = subprocess.run(
        ["pgrep", "-f", "--", f"--machine={lab.layout.netns('gpu01')}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    lab.up(UpRequest(mirror=False))
    assert remote(lab, "gpu01", "ls /root/kept") == "/root/kept\n"
    assert lab.layout.known_hosts.read_text() == known


def test_a_reboot_brings_the_host_back(lab_of_one: Lab) -> None:
    lab = lab_of_one
    lab.up(UpRequest(hosts=1, mirror=False))
    question = "cat /proc/sys/kernel/random/boot_id"
    before = remote(lab, "gpu01", question)
    remote(lab, "gpu01", "systemd-run --on-active=0.1 systemctl reboot")
    after = before
    for _ in range(100):
        time.sleep(0.2)
        try:
            after = remote(lab, "gpu01", question)
        except subprocess.CalledProcessError:
            continue
        if after != before:
            break
    assert after != before


@pytest.mark.parametrize("delay_s", [0.15, 0.3, 0.45, 0.6, 0.8, 1.2])
@pytest.mark.parametrize("damage", ["kept", "torn", "gone"])
def test_down_after_a_killed_up_leaves_nothing(
    lab_of_one: Lab, delay_s: float, damage: str
) -> None:
    lab = lab_of_one
    up = run_up(lab, "--hosts", "2")
    time.sleep(delay_s)
    up.kill()
    up.wait()
    state = lab.layout.state_file
    if damage == "gone":
        state.unlink(missing_ok=True)
    elif damage == "torn" and state.exists():
        state.write_text(state.read_text()[:40])
    lab.down()
    assert traces(lab) == []


def test_up_after_a_killed_up_ends_with_a_working_lab(lab_of_one: Lab) -> None:
    lab = lab_of_one
    for delay_s in (0.3, 0.5, 0.7):
        up = run_up(lab, "--hosts", "1")
        time.sleep(delay_s)
        up.kill()
        up.wait()
    lab.up(UpRequest(hosts=1, mirror=False))
    assert remote(lab, "gpu01", "hostname") == "gpu01\n"


def test_two_ups_at_once_boot_each_host_once(lab_of_one: Lab) -> None:
    lab = lab_of_one
    both = [run_up(lab, "--hosts", "1") for _ in range(2)]
    assert [up.wait() for up in both] == [0, 0]
    nspawns = subprocess.run(
        ["pgrep", "-c", "-f", f"^systemd-nspawn.*--machine={lab.layout.netns('gpu01')}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert nspawns.stdout == "1\n"


def test_two_labs_live_side_by_side(tmp_path: Path) -> None:
    labs = [Lab(tmp_path / name) for name in ("one", "two")]
    try:
        states = [lab.up(UpRequest(hosts=1, mirror=False)) for lab in labs]
        assert states[0].network != states[1].network
        labs[0].down()
        assert traces(labs[0]) == []
        assert remote(labs[1], "gpu01", "hostname") == "gpu01\n"
    finally:
        for lab in labs:
            lab.down()


def test_files_of_the_user_survive_down(lab_of_one: Lab) -> None:
    lab = lab_of_one
    lab.up(UpRequest(hosts=1, mirror=False))
    mine = lab.layout.directory / "playbook.yml"
    mine.write_text("- hosts: all\n")
    lab.down()
    assert [path.name for path in lab.layout.directory.iterdir()] == ["playbook.yml"]


def test_a_host_that_cannot_boot_shows_its_console(lab_of_one: Lab) -> None:
    lab = lab_of_one
    lab.up(UpRequest(hosts=1, mirror=False))
    (lab.layout.root("gpu01") / "sbin/init").unlink()
    (lab.layout.root("gpu01") / "usr/lib/systemd/systemd").unlink()
    os.kill(lab_pid(lab), signal.SIGKILL)
    with pytest.raises(LabError, match="gpu01 did not come up") as caught:
        lab.up(UpRequest(mirror=False))
    assert "No such file or directory" in caught.value.why


def lab_pid(lab: Lab) -> int:
    from provision.lab.status import lab_status

    pid = lab_status(lab).hosts[0].pid
    assert pid is not None
    return pid


def test_a_lab_whose_network_was_taken_moves_and_keeps_its_files(lab_of_one: Lab) -> None:
    """As after a restart of the machine: nothing runs, and another lab was quicker."""
    lab = lab_of_one
    old = lab.up(UpRequest(hosts=1, mirror=False))
    remote(lab, "gpu01", "touch /root/kept && sync")
    taker = f"{lab.layout.bridge[:-2]}xx"
    for line in (
        f"ip link del {lab.layout.bridge}",
        f"ip link add {taker} type bridge",
        f"ip addr add {old.bridge_address}/21 dev {taker}",
    ):
        subprocess.run(line.split(), check=True)
    new = lab.up(UpRequest(mirror=False))
    assert new.network != old.network
    assert remote(lab, "gpu01", "ls /root/kept") == "/root/kept\n"
