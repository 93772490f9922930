from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from provision.errors import InventoryError, Mark
from provision.inventory import Inventory, load_inventory
from provision.yamlsource import Seq, Str

from .conftest import Write


def _load(write: Write, text: str, timeout_s: float = 10) -> Inventory:
    path = write({"inv": text}) / "inv"
    path.chmod(0o755)
    return load_inventory([str(path)], script_timeout_s=timeout_s)


def test_list_with_meta_is_one_call(write: Write, tmp_path: Path) -> None:
    inventory = _load(
        write,
        f"""
        #!/bin/sh
        echo "$@" >> {tmp_path}/calls
        cat <<END
        {{"_meta": {{"hostvars": {{"a": {{"x": 1}}, "stray": {{"x": 2}}}}}},
         "web": {{"hosts": ["a", "b"], "vars": {{"g": true}}, "children": ["sub"]}},
         "sub": ["c"], "alone": {{"y": 3}}}}
        END
        """,
    )
    assert list(inventory.hosts) == ["a", "b", "c", "alone"]
    assert inventory.variables("a") == {"g": True, "x": 1}
    assert inventory.variables("alone") == {"y": 3}
    assert inventory.group_names("c") == ["sub", "web"]
    assert (tmp_path / "calls").read_text() == "--list\n"


def test_what_a_program_prints_may_be_templates(write: Write) -> None:
    inventory = _load(
        write,
        """
        #!/bin/sh
        echo '{"_meta": {"hostvars": {"a": {"x": ["{{ y }}"]}}}, "web": ["a"]}'
        """,
    )
    value = inventory.variables("a")["x"]
    assert isinstance(value, Seq)
    assert isinstance(value[0], Str)
    assert value[0].mark == Mark(str(inventory.inventory_file("a")))


def test_without_meta_each_host_is_asked_for(write: Write) -> None:
    inventory = _load(
        write,
        """
        #!/bin/sh
        case "$1" in
        --list) echo '{"web": {"hosts": ["a", "b"]}}' ;;
        --host) test "$2" = a && echo '{"name": "'$2'"}' || true ;;
        esac
        """,
    )
    assert inventory.variables("a") == {"name": "a"}
    assert inventory.variables("b") == {}


def test_a_failing_program_shows_its_exit_code_and_words(write: Write) -> None:
    with pytest.raises(InventoryError) as caught:
        _load(write, "#!/bin/sh\necho 'no token' >&2\nexit 7\n")
    assert caught.value.what == "inventory program inv --list failed with exit code 7"
    assert caught.value.why == "no token"
    assert str(caught.value.mark).endswith("/inv")


@pytest.mark.parametrize(
    ("body", "what", "why"),
    [
        ("echo '[web]'", "inventory program inv --list printed no JSON", "it printed: '[web]'"),
        ("true", "inventory program inv --list printed no JSON", "it printed nothing"),
        ("echo '[1]'", "inventory program inv --list printed JSON that is not an object", ""),
        ("kill -9 $$", "inventory program inv --list failed with signal SIGKILL", ""),
        ("""echo '{"w": {"hosts": "a"}}'""", "'hosts' of group 'w' is not a list of names", ""),
        ("""echo '{"w": {"vars": []}}'""", "'vars' of group 'w' is not an object", ""),
        ("""echo '{"_meta": {"hostvars": []}}'""", "_meta.hostvars is not an object", ""),
    ],
)
def test_what_a_program_gets_wrong(write: Write, body: str, what: str, why: str) -> None:
    with pytest.raises(InventoryError) as caught:
        _load(write, f"#!/bin/sh\n{body}\n")
    assert caught.value.what == what
    assert why in caught.value.why


def test_a_program_without_its_interpreter(write: Write) -> None:
    with pytest.raises(InventoryError, match="cannot be run") as caught:
        _load(write, "#!/no/such/interpreter\n")
    assert "first line" in caught.value.hint


def test_a_hanging_program_is_killed_with_all_it_started(write: Write, tmp_path: Path) -> None:
    script = f"""
        #!/bin/sh
        echo waiting >&2
        trap '' TERM
        sleep 60 & echo $! > {tmp_path}/child
        wait
        wait
        sleep 60
        """
    with pytest.raises(InventoryError) as caught:
        _load(write, script, timeout_s=0.3)
    assert caught.value.what == (
        "inventory program inv --list did not end within 0.3 s and was killed"
    )
    assert caught.value.why == "waiting"
    child = int((tmp_path / "child").read_text())
    for _ in range(200):
        if not _runs(child):
            return
        time.sleep(0.01)
    pytest.fail("the program's child still runs")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
