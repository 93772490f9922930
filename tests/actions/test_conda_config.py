"""conda_config: keys change, the rest of the file does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from provision.agent import condarc
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost

RC = """\
# Made by the ops team. Do not touch ssl_verify.
channels:
  - conda-forge   # first
  - "bioconda"

# where the big disk is
pkgs_dirs:
- /data/pkgs
ssl_verify: /etc/ssl/corp.pem
proxy_servers:
  http: http://proxy.example:3128
show_channel_urls: yes
channel_alias: 'https://alias.example'
"""


def test_a_file_is_read_as_yaml_reads_it() -> None:
    assert condarc.parse(RC) == yaml.safe_load(RC)


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        0,
        9.15,
        "strict",
        "yes",
        "1.0",
        "",
        "with: colon",
        "# hash",
        "${HOME}/x",
        "({default_env}) ",
        "null",
        ["a", "b: c"],
        [],
        {},
        {"pkgs/main": "https://x.example"},
        {"multi": ["a", "b"]},
    ],
)
def test_values_survive(value: Any) -> None:
    text = condarc.change("first: 1\n", {"key": value}, [])
    assert yaml.safe_load(text) == {"first": 1, "key": value}
    assert condarc.parse(text)["key"] == value


def test_only_the_key_changes(here: ActionHost, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text(RC)
    wanted = {"pkgs_dirs": ["/big/pkgs"], "channel_priority": "strict"}
    seen = here.run("conda_config", check=True, scope="path", path=str(rc), settings=wanted)
    assert seen.diff == [
        {"key": "pkgs_dirs", "before": ["/data/pkgs"], "after": ["/big/pkgs"]},
        {"key": "channel_priority", "before": None, "after": "strict"},
    ]
    assert rc.read_text() == RC
    done = here.run("conda_config", scope="path", path=str(rc), settings=wanted)
    assert done.status == "changed"
    assert rc.read_text() == RC.replace("- /data/pkgs", "  - /big/pkgs") + (
        "channel_priority: strict\n"
    )
    again = here.run("conda_config", scope="path", path=str(rc), settings=wanted)
    assert again.status == "ok"


def test_a_key_is_removed(here: ActionHost, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text(RC)
    assert here.run("conda_config", scope="path", path=str(rc), remove=["channels"]).diff
    text = rc.read_text()
    assert "bioconda" not in text
    assert "# where the big disk is" in text
    again = here.run("conda_config", scope="path", path=str(rc), remove=["channels"])
    assert again.status == "ok"


def test_the_file_of_a_prefix_is_made(here: ActionHost, tmp_path: Path) -> None:
    done = here.run(
        "conda_config", scope="prefix", conda=str(tmp_path), settings={"offline": "yes"}
    )
    assert done.status == "changed"
    assert (tmp_path / ".condarc").read_text() == "offline: true\n"


def test_an_odd_value_is_replaced_and_not_understood_wrongly(
    here: ActionHost, tmp_path: Path
) -> None:
    rc = tmp_path / "rc"
    rc.write_text("channels: &c\n  - a\nproxy_servers: {http: x, https: y}\n")
    done = here.run("conda_config", scope="path", path=str(rc), settings={"channels": ["a"]})
    assert done.status == "changed"
    assert yaml.safe_load(rc.read_text()) == {
        "channels": ["a"],
        "proxy_servers": {"http": "x", "https": "y"},
    }


def test_a_file_that_is_no_mapping_is_refused(here: ActionHost, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text("- a\n- b\n")
    done = here.run("conda_config", scope="path", path=str(rc), settings={"channels": ["a"]})
    assert done.status == "failed"
    assert "not a condarc" in done.msg
    assert rc.read_text() == "- a\n- b\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"settings": {"chanels": ["a"]}}, "no setting 'chanels'"),
        ({"settings": {"channels": {"a": 1}}}, "'channels' takes a list"),
        ({"settings": {"always_yes": "maybe"}}, "'always_yes' takes a bool"),
        ({"remove": ["chanels"]}, "no setting 'chanels'"),
        ({}, "needs 'settings' or 'remove'"),
        ({"settings": {"offline": True}, "path": "/x"}, "'path' goes with"),
        ({"settings": {"offline": True}, "scope": "env"}, "needs 'env'"),
    ],
)
def test_input_errors(here: ActionHost, args: dict[str, Any], message: str) -> None:
    with pytest.raises(PlaybookError, match=message):
        here.run("conda_config", **args)
