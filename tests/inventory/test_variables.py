from __future__ import annotations

from pathlib import Path

import pytest
from provision.errors import InputError, InventoryError
from provision.inventory import load_inventory

from .conftest import Write

# Each level sets its own variable and those of all weaker levels, so that `vN` ends up with
# the value of the strongest level that has it.
LEVELS = [
    "group all, in the inventory",
    "group parent, in the inventory",
    "group kid, in the inventory",
    "inventory group_vars/all",
    "playbook group_vars/all",
    "inventory group_vars/parent",
    "inventory group_vars/kid",
    "playbook group_vars/parent",
    "playbook group_vars/kid",
    "host, in the inventory",
    "inventory host_vars",
    "playbook host_vars",
]


def _values(level: str) -> str:
    number = LEVELS.index(level)
    return "\n".join(f"v{weaker}: {level}" for weaker in range(number + 1)) + "\n"


def _nested(level: str, indent: int) -> str:
    return "".join(" " * indent + line + "\n" for line in _values(level).splitlines())


def test_every_level_beats_the_ones_below_it(write: Write) -> None:
    root = write({
        "inv/hosts.yml": (
            "all:\n  vars:\n" + _nested(LEVELS[0], 4)
            + "parent:\n  vars:\n" + _nested(LEVELS[1], 4) + "  children:\n    kid:\n"
            + "kid:\n  vars:\n" + _nested(LEVELS[2], 4)
            + "  hosts:\n    h:\n" + _nested(LEVELS[9], 6)
        ),
        "inv/group_vars/all.yml": _values(LEVELS[3]),
        "play/group_vars/all.yml": _values(LEVELS[4]),
        "inv/group_vars/parent.yml": _values(LEVELS[5]),
        "inv/group_vars/kid.yml": _values(LEVELS[6]),
        "play/group_vars/parent.yml": _values(LEVELS[7]),
        "play/group_vars/kid.yml": _values(LEVELS[8]),
        "inv/host_vars/h.yml": _values(LEVELS[10]),
        "play/host_vars/h.yml": _values(LEVELS[11]),
    })  # fmt: skip
    inventory = load_inventory([str(root / "inv/hosts.yml")])
    merged = inventory.variables("h", playbook_dir=root / "play")
    assert merged == {f"v{number}": LEVELS[-1] for number in range(len(LEVELS))}
    layers = inventory.explain("h", "v0", playbook_dir=root / "play")
    assert [layer.values["v0"] for layer in layers] == LEVELS
    assert [layer.values["v5"] for layer in inventory.explain("h", "v5")] == [
        LEVELS[5], LEVELS[6], LEVELS[9], LEVELS[10],
    ]  # fmt: skip


def test_explain_names_file_and_line(write: Write) -> None:
    root = write({
        "hosts.ini": "h x=1 y=z\n[g]\nh\n[g:vars]\n\nx=0\n",
        "host_vars/h.yml": "a: 1\nx: 2\n",
    })  # fmt: skip
    layers = load_inventory([str(root / "hosts.ini")]).explain("h", "x")
    assert [(layer.level, str(layer.mark_of("x"))) for layer in layers] == [
        ("group g, in the inventory", f"{root}/hosts.ini:6:1"),
        ("host, in the inventory", f"{root}/hosts.ini:1:3"),
        ("host_vars beside the inventory", f"{root}/host_vars/h.yml:2:1"),
    ]


def test_groups_of_one_depth_by_priority_then_name(write: Write) -> None:
    root = write(
        {
            "hosts.ini": """
        [zeta]
        h
        [alpha]
        h
        [beta]
        h
        [alpha:vars]
        ansible_group_priority=10
        x=alpha
        y=alpha
        [beta:vars]
        x=beta
        z=beta
        [zeta:vars]
        x=zeta
        z=zeta
        y=zeta
        """
        }
    )
    inventory = load_inventory([str(root / "hosts.ini")])
    assert inventory.variables("h") == {"x": "alpha", "y": "alpha", "z": "zeta"}


def test_a_deeper_group_wins_over_priority(write: Write) -> None:
    root = write(
        {
            "hosts.ini": """
        [top:vars]
        ansible_group_priority=99
        x=top
        [top:children]
        kid
        [kid]
        h
        [kid:vars]
        x=kid
        """
        }
    )
    assert load_inventory([str(root / "hosts.ini")]).variables("h") == {"x": "kid"}


def test_which_files_are_read(write: Write) -> None:
    root = write({
        "hosts": "[g]\nh\n[k]\nh\n",
        "group_vars/all/b.yml": "o: b",
        "group_vars/all/a.yml": "o: a\np: a",
        "group_vars/all/sub/c.json": '{"q": "c"}',
        "group_vars/all/.hidden.yml": "bad: 1",
        "group_vars/all/notes.txt": "bad",
        "group_vars/all/old.yml~": "bad: 1",
        "group_vars/all.yml": "bad: the directory of that name is taken",
        "group_vars/g": "r: no extension",
        "group_vars/k.yaml": "s: yaml",
        "host_vars/h.json": '{"t": "json"}',
    })  # fmt: skip
    assert load_inventory([str(root / "hosts")]).variables("h") == {
        "o": "b", "p": "a", "q": "c", "r": "no extension", "s": "yaml", "t": "json",
    }  # fmt: skip


def test_a_later_source_beats_a_deeper_group_of_an_earlier_one(write: Write) -> None:
    root = write({
        "one/hosts": "[top:children]\nkid\n[kid]\nh\n",
        "one/group_vars/kid.yml": "x: one kid",
        "two/hosts": "[top]\n",
        "two/group_vars/top.yml": "x: two top",
    })  # fmt: skip
    inventory = load_inventory([str(root / "one"), str(root / "two/hosts")])
    assert inventory.variables("h") == {"x": "two top"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("- a\n", 1, "a file of variables must be a mapping of names to values"),
        ("a: 1\n5: x\n", 2, "the name of a variable must be a string, not 5"),
        ("a: 1\nb: [\n", 3, "not valid YAML"),
    ],
)
def test_variable_files_that_cannot_be_used(write: Write, text: str, line: int, what: str) -> None:
    root = write({"hosts": "h\n", "host_vars/h.yml": text})
    with pytest.raises(InputError, match=what) as caught:
        load_inventory([str(root / "hosts")]).variables("h")
    assert caught.value.mark is not None
    assert (Path(caught.value.mark.file).name, caught.value.mark.line) == ("h.yml", line)


def test_a_name_given_twice_is_a_warning(write: Write) -> None:
    root = write({"hosts": "h\n", "host_vars/h.yml": "a: 1\nb: 2\na: 3\n"})
    inventory = load_inventory([str(root / "hosts")])
    assert inventory.variables("h") == {"a": 3, "b": 2}
    assert inventory.warnings == [
        f"{root}/host_vars/h.yml:3:1: 'a' is given twice, first in line 1; the last one counts"
    ]


def test_magic_variables(write: Write) -> None:
    root = write({"hosts": "[g]\ngpu01.example.org\n10.0.0.7\n"})
    inventory = load_inventory([str(root / "hosts")])
    magic = inventory.magic("gpu01.example.org")
    assert magic == {
        "groups": {
            "all": ["gpu01.example.org", "10.0.0.7"],
            "ungrouped": [],
            "g": ["gpu01.example.org", "10.0.0.7"],
        },
        "group_names": ["g"],
        "inventory_hostname": "gpu01.example.org",
        "inventory_hostname_short": "gpu01",
        "inventory_file": str(root / "hosts"),
        "inventory_dir": str(root),
    }
    assert inventory.magic("10.0.0.7")["inventory_hostname_short"] == "10.0.0.7"


def test_an_unknown_host_is_an_error() -> None:
    with pytest.raises(InventoryError) as caught:
        load_inventory(["gpu01,"]).variables("gpu1")
    assert caught.value.hint == "did you mean 'gpu01'?"


def test_hosts_and_groups_added_while_running(write: Write) -> None:
    root = write({
        "hosts": "[g]\nh x=1\n",
        "group_vars/fresh.yml": "f: 1",
        "group_vars/top.yml": "t: 1",
    })  # fmt: skip
    inventory = load_inventory([str(root / "hosts")])
    assert inventory.variables("h") == {"x": 1}
    assert inventory.add_host("new", ["fresh"], {"y": 2})
    assert not inventory.add_host("new", ["fresh"], {"y": 2})
    assert inventory.variables("new") == {"f": 1, "y": 2}
    assert inventory.inventory_file("new") is None
    assert inventory.add_group("by_key", hosts=["h"], parents=["top"])
    assert not inventory.add_group("by_key", hosts=["h"], parents=["top"])
    assert inventory.group_names("h") == ["by_key", "g", "top"]
    assert inventory.variables("h") == {"t": 1, "x": 1}
    assert [host.name for host in inventory.select("top:fresh")] == ["h", "new"]
    assert inventory.add_host("bare")
    assert inventory.group_names("bare") == ["ungrouped"]
    assert inventory.magic("h")["groups"]["top"] == ["h"]  # type: ignore[index]
