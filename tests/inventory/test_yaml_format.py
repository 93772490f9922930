from __future__ import annotations

import pytest
from provision.errors import InputError, InventoryError, YamlError

from .conftest import Load


def test_groups_children_hosts_and_ranges(load: Load) -> None:
    inventory = load(
        """
        all:
          vars: {site: here}
          hosts:
            lone:
          children:
            gpu:
              hosts:
                gpu[01:02]:2222: {rack: 1}
                gpu01: {rack: 2, slot: a}
            cpu:
              hosts: cpu1
            compute:
              children:
                gpu:
                cpu:
        """,
        "hosts.yml",
    )
    assert list(inventory.hosts) == ["lone", "gpu01", "gpu02", "cpu1"]
    assert inventory.variables("gpu01") == {
        "site": "here",
        "ansible_port": 2222,
        "rack": 2,
        "slot": "a",
    }
    assert inventory.variables("gpu02")["rack"] == 1
    assert inventory.members("compute") == ["gpu01", "gpu02", "cpu1"]
    assert inventory.groups["ungrouped"].hosts == {"lone": None}
    assert list(inventory.groups["all"].children) == ["ungrouped", "gpu", "cpu", "compute"]


def test_variables_shared_by_an_alias_stay_apart(load: Load) -> None:
    inventory = load(
        """
        web:
          hosts:
            a: &common {x: 1}
            b: *common
        db:
          hosts:
            a: {x: 2}
        """,
        "hosts.yml",
    )
    assert inventory.variables("a") == {"x": 2}
    assert inventory.variables("b") == {"x": 1}


def test_names_that_yaml_reads_as_numbers(load: Load) -> None:
    inventory = load("7:\n  hosts:\n    12: {x: 1}\n", "hosts.yml")
    assert inventory.variables("12") == {"x": 1}
    assert inventory.group_names("12") == ["7"]


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        (
            "all:\n  childern:\n    a:\n",
            (2, 3),
            "unknown key 'childern' under group 'all'",
            "did you mean 'children'?",
        ),
        (
            "all:\n  gpu01:\n",
            (2, 3),
            "unknown key 'gpu01' under group 'all'",
            "a group holds only 'hosts', 'children' and 'vars'",
        ),
        (
            "all:\n  hosts: [a, b]\n",
            (2, 10),
            "'hosts' of group 'all' is not a mapping",
            "write each entry of 'hosts' as a key, with a colon: 'a:'",
        ),
        ("web: [a]\n", (1, 6), "group 'web' is not a mapping", "a group holds"),
        ("web:\n  hosts:\n    a: 5\n", (3, 8), "variables of host 'a' are not a mapping", ""),
        ("web:\n  hosts:\n    a[2:1]:\n", (3, 5), "range [2:1] ends before it starts", ""),
        ("- a\n- b\n", (1, 1), "a YAML inventory must be a mapping of groups", "start with"),
        (
            "web:\n  children:\n    db:\n      children:\n        web:\n",
            (5, 9),
            "group 'web' cannot be a child of 'db': it would contain itself",
            "",
        ),
        ("plugin: constructed\n", (1, 9), "inventory plugin 'constructed' is not supported", "run"),
    ],
)
def test_errors_name_the_place(
    load: Load, text: str, place: tuple[int, int], what: str, hint: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        load(text, "hosts.yml")
    error = caught.value
    assert error.what.startswith(what)
    assert error.hint.startswith(hint)
    assert error.mark is not None
    assert (error.mark.line, error.mark.column) == place


def test_a_host_given_twice_in_one_mapping_would_be_lost(load: Load) -> None:
    with pytest.raises(InventoryError, match="'a' is given twice") as caught:
        load("web:\n  hosts:\n    a: {x: 1}\n    a: {y: 1}\n", "hosts.yml")
    assert caught.value.mark is not None
    assert caught.value.mark.line == 4
    assert caught.value.related[0][0].line == 3


def test_broken_yaml_is_reported_as_yaml(load: Load) -> None:
    with pytest.raises(YamlError) as caught:
        load("all:\n  hosts: {a: 1\n", "hosts.yml")
    assert isinstance(caught.value, InputError)
    assert caught.value.mark is not None
    assert caught.value.mark.line == 3
