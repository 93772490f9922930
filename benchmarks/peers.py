"""The same 20 tasks by provision, pyinfra, ansible-core, Mitogen, and the floor, in one run.

    python -m benchmarks.peers [--hosts 30] [--only provision,floor,pyinfra,ansible,mitogen]
                               [--runs 3] [--dir DIR] [--keep]

Boots a lab, installs the peers into a virtual environment of their own, and prints seconds and
ratios. Every tool does exactly the work of benchmarks/work: from scratch, again with nothing to
change, and as a dry run. Root only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.measure import Sample, best, peak_mb, run, table

HERE = Path(__file__).parent
PEERS = ("ansible-core>=2.19,<2.20", "mitogen>=0.3.54", "pyinfra>=3.10,<4")
PASSES = ("scratch", "again", "dry")
CLEAN = (
    "systemctl disable -q --now model-bert model-sd model-llama model-whisper; "
    "rm -rf /etc/systemd/system/model-* /etc/models /srv/models "
    "/etc/security/limits.d/models.conf; userdel modelsvc; systemctl daemon-reload; true"
)


class Bench:
    """A lab and what each tool needs to reach it."""

    def __init__(self, directory: Path, hosts: int, runs: int) -> None:
        self.directory = directory
        self.runs = runs
        self.provision = str(Path(sys.executable).with_name("provision"))
        up = [self.provision, "lab", "up", "--hosts", str(hosts), "--dir", str(directory)]
        subprocess.run([*up, "--no-mirror"], check=True, stdout=subprocess.DEVNULL)
        self.inventory = directory / "inventory.yml"
        found = yaml.safe_load(self.inventory.read_text())["all"]["children"]["lab"]["hosts"]
        self.hosts = {name: str(values["ansible_host"]) for name, values in found.items()}
        self.key = directory / "key"
        self.work = Path(tempfile.mkdtemp(prefix="provision-bench-"))
        subprocess.run(["cp", "-r", str(HERE / "work") + "/.", str(self.work)], check=True)
        self._write_peers()

    def _write_peers(self) -> None:
        lines = ["[all]", *(f"{name} ansible_host={a}" for name, a in self.hosts.items())]
        lines += ["[all:vars]", "ansible_user=root", f"ansible_ssh_private_key_file={self.key}"]
        lines += ["ansible_python_interpreter=/usr/bin/python3", ""]
        (self.work / "playbook/inventory.ini").write_text("\n".join(lines))
        hosts = [
            (
                name,
                {
                    "ssh_hostname": address,
                    "ssh_user": "root",
                    "ssh_key": str(self.key),
                    "ssh_strict_host_key_checking": "off",
                },
            )
            for name, address in self.hosts.items()
        ]
        (self.work / "pyinfra/inventory.py").write_text(f"hosts = {hosts!r}\n")

    def venv(self) -> Path:
        """The peers' own virtual environment."""
        folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        folder = folder / "provision/bench-peers"
        if not (folder / "bin/pyinfra").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "-q", *PEERS], check=True)
        return folder

    def clean(self) -> None:
        """Hosts as if nobody had been there."""
        argv = [self.provision, "lab", "exec", "--dir", str(self.directory), "*"]
        argv += ["--", "sh", "-c", CLEAN]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        subprocess.run([self.provision, "lab", "down", "--dir", str(self.directory)], check=True)


def tools(bench: Bench) -> dict[str, Callable[[str], Sample]]:
    """Each tool as a function of the pass."""
    site = bench.work / "playbook/site.yml"
    count = str(len(bench.hosts))

    def floor(_: str) -> Sample:
        done = run([sys.executable, "-m", "benchmarks.floor", bench.key, *bench.hosts.values()])
        bare, whole = map(float, done.output.split()[-2:])
        return Sample(bare, done.cpu_s, rc=done.rc, output=str(whole))

    def provision(which: str) -> Sample:
        word = "plan" if which == "dry" else "apply"
        return run([bench.provision, word, site, "-i", bench.inventory])

    def pyinfra(which: str) -> Sample:
        mode = "--dry" if which == "dry" else "-y"  # with -y as well, --dry compares nothing
        program = bench.venv() / "bin/pyinfra"
        return run([program, mode, "inventory.py", "site.py"], cwd=bench.work / "pyinfra")

    def ansible(which: str, **env: str) -> Sample:
        for socket in Path.home().glob(".ansible/cp/*"):
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "x"],
                stderr=subprocess.DEVNULL,
                check=False,
            )
        program = bench.venv() / "bin/ansible-playbook"
        check = ["--check"] if which == "dry" else []
        settings = {
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "LC_ALL": "C.UTF-8",
            **env,
        }
        return run(
            [program, *check, "-f", count, "-i", "inventory.ini", "site.yml"],
            cwd=bench.work / "playbook",
            env=settings,
        )

    def mitogen(which: str) -> Sample:
        python = bench.venv() / "bin/python"
        code = "import ansible_mitogen, os; print(os.path.dirname(ansible_mitogen.__file__))"
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        plugins = found.stdout.strip() + "/plugins/strategy"
        return ansible(which, ANSIBLE_STRATEGY_PLUGINS=plugins, ANSIBLE_STRATEGY="mitogen_linear")

    return {
        "floor": floor,
        "provision": provision,
        "pyinfra": pyinfra,
        "ansible": ansible,
        "mitogen": mitogen,
    }


def measure(bench: Bench, chosen: list[str], passes: list[str]) -> dict[tuple[str, str], Sample]:
    """Seconds by tool and pass. The slow peers run once, ours and the floor several times.

    Without the pass `scratch`, provision brings the hosts to the described state first: every
    tool then finds the same.
    """
    found: dict[tuple[str, str], Sample] = {}
    every = tools(bench)
    for name in chosen:
        quick = name in ("floor", "provision")
        if "scratch" in passes:
            bench.clean()
        else:
            every["provision"]("again")
        for which in passes:
            if name == "floor" and which != "again":
                continue
            times = bench.runs if quick and which != "scratch" else 1
            found[name, which] = best(times, lambda n=name, w=which: every[n](w))  # type: ignore[misc]
            sys.stderr.write(f"{name} {which}: {found[name, which].wall_s:.2f} s\n")
    return found


def show(found: dict[tuple[str, str], Sample], chosen: list[str], hosts: int) -> str:
    rows = [["tool", "from scratch", "nothing to change", "dry run", "again / provision"]]
    ours = found.get(("provision", "again"))
    for name in chosen:
        row = [name]
        for which in PASSES:
            sample = found.get((name, which))
            row.append(f"{sample.wall_s:.2f} s" if sample else "")
        again = found.get((name, "again"))
        row.append(f"{again.wall_s / ours.wall_s:.1f} ×" if again and ours else "")
        rows.append(row)
    return f"20 tasks on {hosts} hosts, controller and hosts on one machine\n\n{table(rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="floor,provision,pyinfra,mitogen,ansible")
    parser.add_argument("--dir", type=Path, default=Path("/var/lib/provision/bench"))
    parser.add_argument("--passes", default=",".join(PASSES), help="of scratch,again,dry")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    chosen = given.only.split(",")
    bench = Bench(given.dir, given.hosts, given.runs)
    try:
        found = measure(bench, chosen, given.passes.split(","))
        print(show(found, chosen, len(bench.hosts)))
        if ("provision", "again") in found:
            site = bench.work / "playbook/site.yml"
            argv: list[str | Path] = [bench.provision, "apply", site, "-i", bench.inventory]
            print(f"\nprovision's peak memory: {peak_mb(argv):.0f} MB")
        floor = found.get(("floor", "again"))
        if floor:
            print(f"the floor with its own imports: {float(floor.output):.2f} s")
    finally:
        if not given.keep:
            bench.end()


if __name__ == "__main__":
    main()
