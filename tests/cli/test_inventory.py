from __future__ import annotations

import json
from pathlib import Path

import pytest
from provision.secrets import VaultSecrets

from tests.cli.inprocess import provision

HOSTS = """\
lone
[gpu]
gpu[01:02] rack=7
[site:children]
gpu
[site:vars]
zone=a
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hosts").write_text(HOSTS)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/gpu.yml").write_text("rack: 1\nzone: b\n")
    monkeypatch.chdir(tmp_path)
    for name in ("PROVISION_INVENTORY", "ANSIBLE_INVENTORY", "ANSIBLE_VAULT_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_list(project: Path) -> None:
    ended = provision("inventory", "list", "-i", "hosts", "all:!lone", "-l", "gpu02")
    assert (ended.code, ended.out, ended.err) == (0, "gpu02\n", "")


def test_list_as_json(project: Path) -> None:
    ended = provision("inventory", "list", "-i", "hosts", "--json")
    assert json.loads(ended.out) == {
        "_meta": {
            "hostvars": {
                "gpu01": {"zone": "b", "rack": 7},
                "gpu02": {"zone": "b", "rack": 7},
            }
        },
        "all": {"children": ["ungrouped", "site"]},
        "ungrouped": {"hosts": ["lone"]},
        "gpu": {"hosts": ["gpu01", "gpu02"]},
        "site": {"children": ["gpu"]},
    }


def test_the_inventory_of_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION_INVENTORY", str(project / "hosts"))
    assert provision("inventory", "list").out == "lone\ngpu01\ngpu02\n"


def test_without_one_the_usual_places(project: Path) -> None:
    assert provision("inventory", "list", "gpu").out == "gpu01\ngpu02\n"
    (project / "hosts").unlink()
    ended = provision("inventory", "list")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: no inventory was given")


def test_graph(project: Path) -> None:
    ended = provision("inventory", "graph", "-i", "hosts")
    assert ended.out == (
        "@all:\n"
        "  |--@ungrouped:\n"
        "  |  |--lone\n"
        "  |--@site:\n"
        "  |  |--@gpu:\n"
        "  |  |  |--gpu01\n"
        "  |  |  |--gpu02\n"
    )


def test_graph_of_one_group_with_variables(project: Path) -> None:
    ended = provision("inventory", "graph", "-i", "hosts", "gpu", "--vars", "-i", "gpu02,")
    assert ended.out == (
        "@gpu:\n"
        "  |--gpu01\n"
        "  |  |--{zone = b}\n"
        "  |  |--{rack = 7}\n"
        "  |--gpu02\n"
        "  |  |--{zone = b}\n"
        "  |  |--{rack = 7}\n"
    )


def test_host(project: Path) -> None:
    ended = provision("inventory", "host", "-i", "hosts", "gpu01")
    assert ended.out == (
        f"host gpu01\n  from    {project}/hosts\n  groups  gpu, site\n  zone = b\n  rack = 7\n"
    )
    ended = provision("inventory", "host", "-i", "hosts", "gpu01", "--json")
    assert json.loads(ended.out) == {"zone": "b", "rack": 7}


def test_vars_explain(project: Path) -> None:
    ended = provision("inventory", "vars", "-i", "hosts", "gpu01", "--explain")
    assert ended.out == (
        "zone = b\n"
        "  > group_vars beside the inventory  group_vars/gpu.yml:2:1  b\n"
        "    group site, in the inventory     hosts:7:1               a\n"
        "rack = 7\n"
        "  > host, in the inventory           hosts:3:12              7\n"
        "    group_vars beside the inventory  group_vars/gpu.yml:1:1  1\n"
    )


def test_vars_explain_as_json(project: Path) -> None:
    ended = provision("inventory", "vars", "-i", "hosts", "gpu01", "rack", "--explain", "--json")
    (explained,) = json.loads(ended.out).values()
    assert explained["value"] == 7
    assert [row["value"] for row in explained["candidates"]] == [7, 1]
    assert explained["candidates"][0] == {
        "level": "host, in the inventory",
        "source": str(project / "hosts"),
        "line": 3,
        "column": 12,
        "value": 7,
    }


def test_variables_beside_a_playbook(project: Path) -> None:
    (project / "play/host_vars").mkdir(parents=True)
    (project / "play/host_vars/gpu01.yml").write_text("rack: 9\n")
    ended = provision("inventory", "vars", "-i", "hosts", "gpu01", "rack", "--playbook-dir", "play")
    assert ended.out == "rack = 9\n"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (
            ["vars", "-i", "hosts", "gpu01", "rak"],
            "error: host 'gpu01' has no variable 'rak'\n  hint: did you mean 'rack'?\n",
        ),
        (
            ["host", "-i", "hosts", "gpu1"],
            "error: no host 'gpu1' in the inventory\n  hint: did you mean 'gpu01'?\n",
        ),
        (
            ["graph", "-i", "hosts", "gpus"],
            "error: no group 'gpus' in the inventory\n  hint: did you mean 'gpu'?\n",
        ),
        (
            ["list", "-i", "hosts", "-l", "gpu03"],
            (
                "error: --limit 'gpu03' matches no host of the inventory\n"
                "  hint: did you mean 'gpu02'?\n"
            ),
        ),
        (
            ["list", "-i", "bad.yml"],
            (
                "error: unknown key 'host' under group 'web'\n"
                "  --> {project}/bad.yml:2:3\n"
                "   |\n"
                " 2 |   host: {a: }\n"
                "   |   ^^^^\n"
                "  hint: did you mean 'hosts'?\n"
            ),
        ),
    ],
)
def test_errors(project: Path, args: list[str], error: str) -> None:
    (project / "bad.yml").write_text("web:\n  host: {a: }\n")
    ended = provision("inventory", *args)
    assert (ended.code, ended.out, ended.err) == (2, "", error.replace("{project}", str(project)))


def test_what_matches_nothing_is_a_warning(project: Path) -> None:
    ended = provision("inventory", "list", "-i", "hosts", "gpus:lone")
    assert (ended.code, ended.out) == (0, "lone\n")
    assert ended.err == "warning: host pattern 'gpus' matches nothing; did you mean 'gpu'?\n"


def test_secrets_are_not_shown(project: Path) -> None:
    vault = VaultSecrets([("default", b"opensesame")])
    (project / "pw").write_text("opensesame\n")
    (project / "host_vars").mkdir()
    (project / "host_vars/lone").mkdir()
    (project / "host_vars/lone/a.yml").write_text(vault.encrypt("whole: hunter2\n"))
    sealed = vault.encrypt("hunter3")
    indented = sealed.replace("\n", "\n  ")
    (project / "host_vars/lone/b.yml").write_text(f"inline: !vault |\n  {indented}\n")
    args = ["-i", "hosts", "lone", "--vault-password-file", "pw"]
    assert provision("inventory", "vars", *args).out == (
        'whole = "********"\ninline = (encrypted)\n'
    )
    assert json.loads(provision("inventory", "host", *args, "--json").out) == {
        "whole": "********",
        "inline": {"__ansible_vault": sealed},
    }
    ended = provision("inventory", "host", *args[:3])
    assert ended.code == 2
    assert ended.err.startswith("error: encrypted, and no vault password was given\n")
