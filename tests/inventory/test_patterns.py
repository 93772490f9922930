from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from provision.errors import InventoryError
from provision.inventory import Inventory, load_inventory

TEXT = """
lone.example.org
[web]
web[1:3]
[gpu]
gpu[08:10]
web2
[eu]
web1
gpu08
[site:children]
gpu
web
"""
ALL = ["lone.example.org", "web1", "gpu08", "gpu09", "gpu10", "web2", "web3"]


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "hosts").write_text(TEXT)
    return load_inventory([str(tmp_path / "hosts")])


def _names(inventory: Inventory, pattern: str | Sequence[str], limit: str | None = None) -> object:
    return [host.name for host in inventory.select(pattern, limit=limit)]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("all", ALL),
        ("web", ["web1", "web2", "web3"]),
        ("site", ["gpu08", "gpu09", "gpu10", "web2", "web1", "web3"]),
        ("gpu10", ["gpu10"]),
        ("gpu:eu", ["gpu08", "gpu09", "gpu10", "web2", "web1"]),
        ("gpu,eu", ["gpu08", "gpu09", "gpu10", "web2", "web1"]),
        (["gpu", "eu:lone.example.org"], [
            "gpu08", "gpu09", "gpu10", "web2", "web1", "lone.example.org",
        ]),
        ("gpu:&eu", ["gpu08"]),
        ("&eu:gpu", ["gpu08"]),
        ("gpu:!eu", ["gpu09", "gpu10", "web2"]),
        ("!eu:gpu:&site:!web2", ["gpu09", "gpu10"]),
        ("!site", ["lone.example.org"]),
        ("gpu[0]", ["gpu08"]),
        ("gpu[-1]", ["web2"]),
        ("gpu[1:2]", ["gpu09", "gpu10"]),
        ("gpu[1:]", ["gpu09", "gpu10", "web2"]),
        ("gpu[9:12]", []),
        ("web*[0]", ["web1"]),
        ("gpu0?", ["gpu08", "gpu09"]),
        ("*.example.org", ["lone.example.org"]),
        ("w*", ["web1", "web2", "web3"]),
        ("~gpu(08|10)$", ["gpu08", "gpu10"]),
        ("~(web|lone)", ["web1", "web2", "web3", "lone.example.org"]),
        ("ungrouped", ["lone.example.org"]),
        ("", []),
    ],
)  # fmt: skip
def test_patterns(inventory: Inventory, pattern: str, names: list[str]) -> None:
    assert _names(inventory, pattern) == names
    assert inventory.warnings == []


def test_a_limit_narrows_in_the_order_of_the_pattern(inventory: Inventory) -> None:
    assert _names(inventory, "gpu", limit="web2,gpu09") == ["gpu09", "web2"]
    assert _names(inventory, "web", limit="gpu09") == []


def test_a_limit_from_a_file(inventory: Inventory, tmp_path: Path) -> None:
    retry = tmp_path / "site.retry"
    retry.write_text("gpu09\n\nweb3\n")
    assert _names(inventory, "all", limit=f"@{retry}") == ["gpu09", "web3"]


def test_a_limit_file_that_is_missing(inventory: Inventory) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory.select("all", limit="@/nowhere/x.retry")
    assert str(caught.value) == (
        "/nowhere/x.retry: cannot read the limit file: No such file or directory"
    )


def test_an_unknown_name_is_a_warning_once(inventory: Inventory) -> None:
    assert _names(inventory, "wep:gpu10") == ["gpu10"]
    assert _names(inventory, "wep") == []
    assert inventory.warnings == ["host pattern 'wep' matches nothing; did you mean 'web'?"]


def test_a_limit_that_matches_nothing_is_an_error(inventory: Inventory) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory.select("all", limit="gpu008")
    assert caught.value.what == "--limit 'gpu008' matches no host of the inventory"
    assert caught.value.hint == "did you mean 'gpu08'?"


def test_a_limit_that_matches_in_part_is_a_warning(inventory: Inventory) -> None:
    assert _names(inventory, "all", limit="gpu10,nosuch") == ["gpu10"]
    assert inventory.warnings == ["host pattern 'nosuch' matches nothing"]


def test_a_subscript_out_of_range_is_an_error(inventory: Inventory) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory.select("gpu[4]")
    assert caught.value.what == "host pattern 'gpu[4]' asks for number 4 of 4 hosts"
    assert caught.value.hint == "'gpu' goes from [0] to [3]"


@pytest.mark.parametrize("pattern", ["~web(", "all:&", "!"])
def test_patterns_that_cannot_be_read(inventory: Inventory, pattern: str) -> None:
    with pytest.raises(InventoryError):
        inventory.select(pattern)


def test_localhost_is_there_when_named(inventory: Inventory) -> None:
    (host,) = inventory.select("localhost")
    assert host.implicit
    assert inventory.variables("localhost")["ansible_connection"] == "local"
    assert [host.name for host in inventory.select("all")] == ALL
    assert inventory.group_names("localhost") == []


def test_a_localhost_of_the_inventory_is_taken_instead() -> None:
    inventory = load_inventory(["localhost,"])
    assert _names(inventory, "127.0.0.1") == ["localhost"]
    assert inventory.variables("localhost") == {}
