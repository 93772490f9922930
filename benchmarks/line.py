"""A check of the 20 tasks over a long line: seconds and round trips, login included.

    python -m benchmarks.line [--delay 50] [--dir DIR]

Each byte is held back by so many milliseconds each way by a relay on loopback. Boots one lab
host, brings it to the described state, and then only checks.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.measure import run

SITE = Path(__file__).parent / "work/playbook/site.yml"
PORT = 22980


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=50.0, help="milliseconds each way")
    parser.add_argument("--dir", type=Path, default=Path("/var/lib/provision/bench-line"))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    provision = str(Path(sys.executable).with_name("provision"))
    lab = [provision, "lab", "up", "--hosts", "1", "--dir", str(given.dir), "--no-mirror"]
    subprocess.run(lab, check=True, stdout=subprocess.DEVNULL)
    inventory = given.dir / "inventory.yml"
    found = yaml.safe_load(inventory.read_text())["all"]["children"]["lab"]
    name, values = next(iter(found["hosts"].items()))
    direct = run([provision, "apply", SITE, "-i", inventory])
    if direct.rc:
        raise SystemExit(direct.output)
    near = min(run([provision, "plan", SITE, "-i", inventory]).wall_s for _ in range(3))
    key = (given.dir / "known_hosts").read_text().split()[1:3]
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known_hosts"
        known.write_text(f"[127.0.0.1]:{PORT} {' '.join(key)}\n")
        far_inventory = Path(folder) / "far.ini"
        far_inventory.write_text(
            f"{name} ansible_host=127.0.0.1 ansible_port={PORT} ansible_user=root"
            f" ansible_ssh_private_key_file={given.dir / 'key'} provision_known_hosts={known}\n"
        )
        relaying = [sys.executable, "-m", "benchmarks.delay_proxy"]
        relaying += [str(PORT), str(values["ansible_host"]), "22", str(given.delay)]
        relay = subprocess.Popen(relaying, stdout=subprocess.PIPE, text=True)
        time.sleep(0.7)
        try:
            far = run([provision, "plan", SITE, "-i", far_inventory])
        finally:
            relay.send_signal(signal.SIGTERM)
        said, _ = relay.communicate(timeout=10)
    if far.rc:
        raise SystemExit(far.output)
    trips = (far.wall_s - near) / (given.delay * 2e-3)
    print(
        f"a check of 20 tasks on one host: {near:.2f} s beside it, {far.wall_s:.2f} s over a line"
    )
    print(f"with {given.delay:.0f} ms each way: {trips:.1f} round trips by the clock; the relay")
    print(f"counted {said.strip()}")
    if not given.keep:
        subprocess.run([provision, "lab", "down", "--dir", str(given.dir)], check=True)


if __name__ == "__main__":
    main()
