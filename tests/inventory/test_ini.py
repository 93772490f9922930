from __future__ import annotations

import pytest
from provision.errors import InventoryError
from provision.inventory.ini import parse_value
from provision.yamlsource import Seq, Str

from .conftest import Load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("0x10", 16),
        ("1_000", 1000),
        ("-3", -3),
        ("True", True),
        ("None", None),
        ("[1, 'x']", [1, "x"]),
        ("{'a': (1, 2)}", {"a": [1, 2]}),
        ("1,2", [1, 2]),
        ("'quoted'", "quoted"),
        ("b'x'", "x"),
        ("1+2j", "(1+2j)"),
        ("...", "..."),
        ("True # why", True),
        # What is no Python literal stays text.
        ("true", "true"),
        ("yes", "yes"),
        ("01", "01"),
        ("10.0.0.1", "10.0.0.1"),
        ("{{ a }}", "{{ a }}"),
        ("hello # no comment", "hello # no comment"),
        ("", ""),
        ("/opt/x", "/opt/x"),
        ("(((", "((("),
    ],
)
def test_types_of_values(text: str, value: object) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_host_lines_are_split_like_a_shell_does(load: Load) -> None:
    inventory = load("""
        a x="b c" y='d "e"' z=f\\ g  # a comment
        b x="#1" y=p#q
        ; another comment
    """)
    assert inventory.variables("a") == {"x": "b c", "y": 'd "e"', "z": "f g"}
    assert inventory.variables("b") == {"x": "#1", "y": "p"}


def test_templates_in_values_are_found(load: Load) -> None:
    value = load("a x=\"['{{ y }}']\"").variables("a")["x"]
    assert isinstance(value, Seq)
    assert isinstance(value[0], Str)


def test_sections_in_any_order(load: Load) -> None:
    inventory = load("""
        lone:2222
        [gpu:vars]
        a=1
        [site:children]
        gpu
        [gpu]   # comes last
        gpu[01:02] b=2
    """)
    assert list(inventory.hosts) == ["lone", "gpu01", "gpu02"]
    assert inventory.variables("gpu02") == {"a": 1, "b": 2}
    assert inventory.variables("lone") == {"ansible_port": 2222}
    assert inventory.group_names("gpu01") == ["gpu", "site"]
    assert inventory.group_names("lone") == ["ungrouped"]


def test_the_port_of_a_known_host_stays(load: Load) -> None:
    inventory = load("""
        [a]
        h:22
        [b]
        h:2222
    """)
    assert inventory.variables("h") == {"ansible_port": 22}


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        (
            "[web]\na\n[site:children]\nweb\nwep\n",
            (5, 1),
            "[site:children] names the group 'wep', which is not defined",
            "did you mean 'web'?",
        ),
        (
            "[gpu]\na\n[gpus:vars]\nx=1\n",
            (3, 2),
            "section [gpus:vars] is for a group that is not defined",
            "did you mean 'gpu'?",
        ),
        (
            "[web:childs]\n",
            (1, 6),
            "section [web:childs] is of unknown kind 'childs'",
            "did you mean 'children'?",
        ),
        ("[my web]\n", (1, 1), "'[my web]' is not a section", "write [group]"),
        (
            "a x=1\n  b y z=1\n",
            (2, 5),
            "expected key=value after the host name, found 'y'",
            "quote a value",
        ),
        ("[g]\na\n[g:vars]\nnothing\n", (4, 1), "expected key=value in [g:vars]", ""),
        ("[g:children]\nall\n", (2, 1), "group 'all' holds every group and cannot be", ""),
        ("[g:children]\na b\n", (2, 1), "expected a group name in [g:children]", ""),
        ("a x='b\n", (1, 1), "cannot split this host line", ""),
        ("all:\n", (1, 1), "'all:' is not a host name", "this looks like YAML"),
        ("a\nb[3:1] x=1\n", (2, 1), "range [3:1] ends before it starts in 'b[3:1]'", ""),
        (
            "[g]\n[g:vars]\nansible_group_priority=high\n",
            (3, 1),
            "ansible_group_priority of group 'g' is not a whole number: 'high'",
            "",
        ),
    ],
)
def test_errors_name_the_place(
    load: Load, text: str, place: tuple[int, int], what: str, hint: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        load(text, "hosts.ini")
    error = caught.value
    assert error.what.startswith(what)
    assert error.hint.startswith(hint)
    assert error.mark is not None
    assert (error.mark.line, error.mark.column) == place
    assert error.mark.file.endswith("hosts.ini")


def test_a_cycle_shows_both_places_and_the_way_round(load: Load) -> None:
    with pytest.raises(InventoryError) as caught:
        load("""
            [a:children]
            b
            [b:children]
            c
            [c:children]
            a
        """)
    error = caught.value
    assert error.what == "group 'a' cannot be a child of 'c': it would contain itself"
    assert error.why == "a > b > c > a"
    assert error.mark is not None
    assert error.mark.line == 6
    assert [mark.line for mark, _ in error.related] == [2, 4]
