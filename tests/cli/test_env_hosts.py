"""provision env list, history, rollback and gc, on this machine as a host."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from provision.agent import condaprefix
from provision.agent.condaset import set_digest

from tests.cli.inprocess import Output, provision


class Envs:
    """Prefixes as they lie on a host."""

    def __init__(self, root: Path) -> None:
        self.conda = root / "miniconda3"
        (self.conda / "conda-meta").mkdir(parents=True)
        self.envs = self.conda / "envs"

    def generation(self, name: str, digest: str, age_s: float, version: str) -> None:
        prefix = self.envs / ".generations" / f"{name}-{digest}"
        meta = prefix / "conda-meta"
        meta.mkdir(parents=True)
        record = {"name": "data", "version": version, "build": "0", "files": ["data.txt"]}
        (prefix / "data.txt").write_text(version)
        (meta / f"data-{version}-0.json").write_text(json.dumps(record))
        (meta / "history").touch()
        (meta / "provision.record").write_text(json.dumps({"built": time.time() - age_s}))
        note = json.loads((meta / "provision.record").read_text())
        packages = condaprefix.read_set(str(prefix), {"data": record})
        (meta / "provision.record").write_text(json.dumps({**note, "digest": set_digest(packages)}))
        link = self.envs / name
        link.unlink(missing_ok=True)
        link.symlink_to(f".generations/{prefix.name}")

    def run(self, *args: str, hosts: str = "gpu01,gpu02,") -> Output:
        return provision("env", *args, "-i", hosts, "-c", "local", "--conda", str(self.conda))


@pytest.fixture
def envs(tmp_path: Path) -> Envs:
    made = Envs(tmp_path)
    made.generation("bert-v1", "00112233aabb", 8 * 86400, "1.0")
    made.generation("bert-v1", "aabb00112233", 3 * 3600, "2.0")
    return made


def test_list_folds_hosts_that_have_the_same(envs: Envs) -> None:
    done = envs.run("list")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "ENVIRONMENT  GENERATION    PYTHON  PACKAGES  AGE  HOSTS\n"
        "bert-v1      aabb00112233  -       1         3 h  gpu[01-02]\n"
    )
    found = [json.loads(line) for line in envs.run("list", "--json").out.splitlines()]
    assert [(env["host"], env["generation"]) for env in found] == [
        ("gpu01", "bert-v1-aabb00112233"), ("gpu02", "bert-v1-aabb00112233"),
    ]  # fmt: skip


def test_history(envs: Envs) -> None:
    done = envs.run("history", "bert-v1", "gpu01")
    assert done.out == (
        f"gpu01 {envs.envs}/bert-v1\n"
        "     GENERATION            AGE  PACKAGES  CHANGES\n"
        "  *  bert-v1-aabb00112233  3 h  1         data 1.0 0 → 2.0 0\n"
        "     bert-v1-00112233aabb  8 d  1         -\n"
    )


def test_rollback(envs: Envs) -> None:
    asked = envs.run("rollback", "bert-v1", "gpu01", "--check")
    assert asked.out.startswith("gpu01: bert-v1 would lead to bert-v1-00112233aabb, built 8 d ago")
    done = envs.run("rollback", "bert-v1", "gpu01")
    assert done.code == 0
    assert done.out == (
        "gpu01: bert-v1 leads to bert-v1-00112233aabb, built 8 d ago\n  data 2.0 0 → 1.0 0\n"
    )
    assert (envs.envs / "bert-v1/data.txt").read_text() == "1.0"
    again = envs.run("rollback", "bert-v1", "gpu01")
    assert again.code == 1
    assert again.err == "gpu01: failed: bert-v1 has no older generation to go back to\n"


def test_gc(envs: Envs) -> None:
    done = envs.run("gc", "gpu01", "--keep", "0")
    assert done.code == 0
    assert done.out.startswith("gpu01: removed 1 generation, ")
    assert "bert-v1-00112233aabb" in done.out
    assert envs.run("gc", "gpu01").out == "gpu01: nothing to remove\n"


def test_a_name_that_no_host_has(envs: Envs) -> None:
    done = envs.run("history", "nope", "gpu01")
    assert done.code == 1
    assert "gpu01: failed: no environment nope" in done.err


def diff(envs: Envs, *args: str) -> Output:
    return envs.run("diff", *args, hosts="gpu01,")


def test_diff_of_two_generations(envs: Envs) -> None:
    done = diff(envs, "gpu01:bert-v1-00112233aabb", "gpu01:bert-v1")
    assert done.code == 3
    assert done.out == (
        "~ conda data: 1.0 0 → 2.0 0  (version)\n"
        "gpu01:bert-v1-00112233aabb and gpu01:bert-v1: 1 difference\n"
    )
    same = diff(envs, "gpu01:bert-v1-aabb00112233", f"gpu01:{envs.envs}/bert-v1")
    assert same.code == 0
    assert same.out.endswith(": identical\n")


def test_diff_with_a_file_and_json(envs: Envs, tmp_path: Path) -> None:
    file = tmp_path / "e.yml"
    file.write_text("channels: [x]\ndependencies:\n  - data=2.0\n  - more=1.0\n")
    lines = diff(envs, str(file), "gpu01:bert-v1", "--json").out.splitlines()
    item, last = (json.loads(line) for line in lines)
    assert (item["kind"], item["manager"], item["name"], item["a"], item["b"]) == (
        "missing", "conda", "more", "more=1.0", None,
    )  # fmt: skip
    assert (last["differences"], last["exit_code"]) == (1, 3)
    file.write_text("channels: [x]\ndependencies:\n  - data=2.0\n")
    assert diff(envs, str(file), "gpu01:bert-v1").code == 0


def test_diff_of_what_is_not_there(envs: Envs) -> None:
    assert diff(envs, "gpu01:nope", "gpu01:bert-v1").code == 1
    done = diff(envs, "nope.yml", "gpu01:bert-v1")
    assert done.code == 2
    assert "there is no file 'nope.yml'" in done.err
