"""The whole way on real hosts: installer, environments, wheels, models, Debian packages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.labfixture import LabHostFactory, TestLab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
PREFIX = "/opt/mirror-test"
CONDA = f"{PREFIX}/bin/conda"


@pytest.fixture(scope="module", params=["bookworm", "trixie", "bullseye"])
def host(request: pytest.FixtureRequest, labs: Any) -> Iterator[tuple[TestLab, str]]:
    """(lab, name of a host) with the stand-in Miniconda installed, one of each release."""
    python = request.param == "bookworm"  # the installer needs none on the host
    lab, machine = labs.next_host(release=request.param, python=python)
    name = machine.name
    described = json.loads((lab.handle.layout.directory / "mirror.json").read_text())
    newest = described["installers"][0]
    lab.run(
        name,
        f"rm -rf {PREFIX} && curl -sfo /root/mirror-test.sh {newest['url']} && "
        f"echo '{newest['sha256']}  /root/mirror-test.sh' | sha256sum -c && "
        f"sh /root/mirror-test.sh -b -p {PREFIX}",
    )
    lab.run(
        name,
        f"cat > {PREFIX}/.condarc",
        stdin=f"channels: [conda-forge]\nchannel_alias: {described['channel_alias']}\n",
    )
    yield lab, name
    lab.run(name, f"rm -rf {PREFIX} /root/mirror-test* /root/.conda")


def test_the_base_works(host: tuple[TestLab, str]) -> None:
    lab, name = host
    assert lab.run(name, f"{CONDA} --version").stdout == "conda 26.7.1\n"
    modules = (
        "ssl, sqlite3, ctypes, lzma, bz2, zlib, readline, curses, uuid, decimal, rattler, yaml"
    )
    script = (
        f"import {modules}, os, sys, multiprocessing, site, sysconfig\n"
        "assert sys.prefix == os.environ['WANTED']\n"
        "assert sysconfig.get_path('purelib') == sys.prefix + '/lib/python3.11/site-packages'\n"
        "assert site.getsitepackages()[-1] == sysconfig.get_path('purelib')\n"
        "assert os.stat('/etc/passwd').st_size > 0\n"
        "ssl.create_default_context()\n"
        "if __name__ == '__main__':\n"
        "    print(multiprocessing.Pool(2).map(abs, [-1, 2]))\n"
    )
    lab.run(name, "cat > /root/mirror-test.py", stdin=script)
    done = lab.run(name, f"WANTED={PREFIX} {PREFIX}/bin/python -I /root/mirror-test.py")
    assert done.stdout == "[1, 2]\n"


def test_an_exact_copy_offline_with_prefixes_replaced(host: tuple[TestLab, str]) -> None:
    lab, name = host
    lab.run(name, f"{CONDA} create -y -q -n one six=1.16 prefix-demo activate-demo")
    lab.run(name, f"{CONDA} list -n one --explicit --sha256 > /root/mirror-test.txt")
    lab.run(name, f"{CONDA} create -n two --offline --file /root/mirror-test.txt")
    prefix = f"{PREFIX}/envs/two"
    assert lab.run(name, f"{prefix}/bin/prefix-demo").stdout == f"{prefix}\n"
    script = (
        "import ctypes; library = ctypes.CDLL(__import__('sys').prefix + '/lib/libprefix-demo.so');"
        "place = ctypes.addressof(ctypes.c_char.in_dll(library, 'prefix_demo_share'));"
        "print(ctypes.string_at(place).decode())"
    )
    done = lab.run(name, [f"{prefix}/bin/python", "-c", script])
    assert done.stdout == f"{prefix}/share/prefix-demo\n"
    shown = lab.run(name, f"{CONDA} run -n two env").stdout
    assert "ACTIVATE_DEMO_VARIABLE=from the package\n" in shown


@pytest.mark.parametrize(
    ("environment", "app", "port", "question", "answer"),
    [
        (
            "speech-langid-v1",
            "langid_app.py",
            18101,
            "--data-binary 'Questo testo e scritto in italiano.'",
            {"language": "it"},
        ),
        (
            "file-type-v1",
            "magika_app.py",
            18102,
            "--data-binary @/usr/bin/env",
            {"label": "elf"},
        ),
    ],
)
def test_an_exported_environment_and_its_model(
    host: tuple[TestLab, str],
    environment: str,
    app: str,
    port: int,
    question: str,
    answer: dict[str, str],
) -> None:
    lab, name = host
    file = PLAYBOOKS / "envs" / f"{environment}.yml"
    lab.run(name, f"cat > /root/mirror-test-{environment}.yml", stdin=file.read_text())
    lab.run(name, "cat > /root/mirror-test-app.py", stdin=(PLAYBOOKS / "apps" / app).read_text())
    lab.run(name, f"{CONDA} env create -q -f /root/mirror-test-{environment}.yml")
    exported = yaml.safe_load(lab.run(name, f"{CONDA} env export -n {environment}").stdout)
    wanted = yaml.safe_load(file.read_text())
    assert exported["dependencies"] == wanted["dependencies"]
    lab.run(
        name,
        f"systemd-run --unit=mirror-test-app {PREFIX}/envs/{environment}/bin/python "
        f"/root/mirror-test-app.py --port {port}",
    )
    try:
        url = f"http://127.0.0.1:{port}"
        retry = "--retry 30 --retry-delay 1 --retry-connrefused"
        health = lab.run(name, f"curl -sf {retry} {url}/health").stdout
        assert json.loads(health)["status"] == "ok"
        said = json.loads(lab.run(name, f"curl -sf {question} {url}/identify").stdout)
        assert answer.items() <= said.items()
    finally:
        lab.run(name, "systemctl stop mirror-test-app")


def test_a_user_who_cannot_write_the_base(host: tuple[TestLab, str]) -> None:
    lab, name = host
    lab.run(name, f"{CONDA} create -y -q -n mirror-mine six", login="ops")
    done = lab.run(
        name, ".conda/envs/mirror-mine/bin/python -c 'import six, sys; print(sys.prefix)'",
        login="ops",
    )  # fmt: skip
    assert done.stdout.endswith("/.conda/envs/mirror-mine\n")
    lab.run(name, "rm -rf .conda", login="ops")


def test_debian_packages_come_through_too(host: tuple[TestLab, str]) -> None:
    lab, name = host
    lab.run(name, "apt-get update -qq && apt-get download -qq hostname && rm hostname_*.deb")


def test_upgrading_an_older_installation(host: tuple[TestLab, str]) -> None:
    lab, name = host
    described = json.loads((lab.handle.layout.directory / "mirror.json").read_text())
    newest, older = described["installers"]
    prefix = "/opt/mirror-test-old"
    for number, installer in enumerate((older, newest)):
        flag = "-u " if number else ""
        lab.run(
            name,
            f"curl -sfo /root/mirror-test-{number}.sh {installer['url']} && "
            f"sh /root/mirror-test-{number}.sh -b {flag}-p {prefix}",
        )
        shown = lab.run(name, f"{prefix}/bin/conda --version").stdout
        assert shown == f"conda {installer['version']}\n"
    metas = lab.run(name, f"ls {prefix}/conda-meta").stdout.split()
    assert [meta for meta in metas if meta.startswith("conda-")] == ["conda-26.7.1-py311_0.json"]
    lab.run(name, f"rm -rf {prefix}")


def test_wheels_without_a_conda_package(
    lab_host: LabHostFactory, host: tuple[TestLab, str]
) -> None:
    lab, name = host
    lab.run(name, f"{CONDA} create -y -q -n pip python=3.11 pip")
    lab.run(name, f"{PREFIX}/envs/pip/bin/pip install -q colorama==0.4.6")
    rows = json.loads(lab.run(name, f"{CONDA} list -n pip colorama --json").stdout)
    assert [(row["version"], row["channel"]) for row in rows] == [("0.4.6", "pypi")]
