from __future__ import annotations

from pathlib import Path

import pytest
from provision.errors import InventoryError
from provision.inventory import load_inventory

from .conftest import Load, Write


def test_a_list_of_hosts_with_ranges_and_ports() -> None:
    inventory = load_inventory(["gpu[01:02],b:2222 , ::1,"])
    assert list(inventory.hosts) == ["gpu01", "gpu02", "b", "::1"]
    assert inventory.variables("b") == {"ansible_port": 2222}
    assert inventory.inventory_dir("b") is None
    assert inventory.group_names("b") == ["ungrouped"]


def test_a_directory_is_read_in_order_without_leftovers(write: Write) -> None:
    root = write({
        "inv/10-base.yml": "web: {hosts: {a: {x: 1}}}",
        "inv/20-more.ini": "[web]\na x=2\nb\n",
        "inv/sub/30.yml": "db: {hosts: {c: }}",
        "inv/20-more.ini~": "lost1",
        "inv/old.bak": "lost2",
        "inv/ansible.cfg": "[defaults]\n",
        "inv/site.retry": "lost3",
        "inv/README.md": "# lost4",
        "inv/.hidden": "lost5",
        "inv/group_vars/web.yml": "g: 1",
        "inv/host_vars/a.yml": "h: 1",
    })  # fmt: skip
    inventory = load_inventory([str(root / "inv")])
    assert list(inventory.hosts) == ["a", "b", "c"]
    assert inventory.variables("a") == {"x": 2, "g": 1, "h": 1}
    assert inventory.inventory_file("a") == str(root / "inv/10-base.yml")
    assert inventory.inventory_dir("c") == str(root / "inv/sub")


def test_later_sources_win(write: Write) -> None:
    root = write({"a.ini": "h x=1 y=1\n[g]\nh\n[g:vars]\nz=1", "b.yml": "g: {hosts: {h: {x: 2}}}"})
    inventory = load_inventory([str(root / "a.ini"), str(root / "b.yml")])
    assert inventory.variables("h") == {"x": 2, "y": 1, "z": 1}
    assert inventory.inventory_file("h") == str(root / "a.ini")


@pytest.mark.parametrize("name", ["hosts", "hosts.yml"])
def test_the_content_decides_not_the_name(load: Load, name: str) -> None:
    assert list(load("[web]\na\nb x=1\n", name).hosts) == ["a", "b"]


def test_json_as_ansible_inventory_prints_it(load: Load) -> None:
    inventory = load(
        '{"_meta": {"hostvars": {"a": {"x": 1}}}, "all": {"children": ["web"]},'
        ' "web": {"hosts": ["a"]}}',
        "hosts.json",
    )
    assert inventory.variables("a") == {"x": 1}


def test_an_executable_data_file_is_still_data(write: Write) -> None:
    path = write({"hosts": "[web]\na\n"}) / "hosts"
    path.chmod(0o755)
    assert list(load_inventory([str(path)]).hosts) == ["a"]


def test_a_missing_source_tells_how_to_give_a_list() -> None:
    with pytest.raises(InventoryError, match="no such inventory: gpu01") as caught:
        load_inventory(["gpu01"])
    assert caught.value.hint == "for a list of hosts, end it with a comma: -i gpu01,"


def test_an_empty_yaml_inventory_is_a_warning(load: Load, tmp_path: Path) -> None:
    inventory = load("---\n", "hosts.yml")
    assert inventory.hosts == {}
    assert inventory.warnings == [f"{tmp_path}/hosts.yml: the inventory is empty"]


def test_a_host_named_like_a_group_is_a_warning(load: Load) -> None:
    inventory = load("[web]\nweb\na\n")
    assert "'web' is the name of both" in inventory.warnings[0]
    assert [host.name for host in inventory.select("web")] == ["web"]
