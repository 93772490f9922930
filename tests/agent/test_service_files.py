"""Files of services, and what activation would set, on this machine."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from provision.agent import activation, core, portowner, serviceorigin, servicetext

ODD = {
    "PLAIN": "value",
    "EMPTY": "",
    "QUOTES": "say \"hi\" or 'hi'",
    "DOLLAR": "$HOME ${HOME} `id`",
    "BACKSLASH": "C:\\new\\table",
    "LINES": "first\nsecond",
    "UNICODE": "größe",
    "HASH": "# no comment",
    "TRAILING": "space ",
}


def context() -> core.Context:
    agent = core.Agent(core.Wire(os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", 1)))
    return core.Context(agent, {"i": 0, "mod": "model_service"})


def test_an_environment_file_is_sh_too() -> None:
    text = servicetext.environment_text(ODD)
    shown = subprocess.run(
        ["/bin/sh", "-c", f"set -a; {text}\nexec env -0"],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    found = dict(item.split("=", 1) for item in shown.stdout.split("\0") if "=" in item)
    assert {key: found.get(key) for key in ODD} == ODD


def test_a_unit_carries_a_hash_of_itself() -> None:
    template = "[Service]\nExecStart=@PREFIX@/bin/x\nEnvironment=PROVISION_UNIT=@UNIT@\n"
    one = servicetext.unit_text(template, "/opt/a")
    other = servicetext.unit_text(template, "/opt/100%")
    assert "ExecStart=/opt/a/bin/x" in one
    assert "ExecStart=/opt/100%%/bin/x" in other
    assert len({servicetext.stamp_of(one), servicetext.stamp_of(other), ""}) == 3
    assert servicetext.unit_text(template, "/opt/a") == one


def test_records_of_somebody_elses_making_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"invocation": "x"}')
    assert serviceorigin.read_record(str(path)) == {"invocation": "x"}
    path.write_text('{"invoc')
    assert serviceorigin.read_record(str(path)) == {}
    if os.geteuid() == 0:
        path.write_text('{"invocation": "x"}')
        os.chown(path, 65534, 65534)
        assert serviceorigin.read_record(str(path)) == {}
    link = tmp_path / "b.json"
    link.symlink_to(path)
    assert serviceorigin.read_record(str(link)) == {}


def make_prefix(tmp_path: Path) -> Path:
    prefix = tmp_path / "env"
    for folder in ("conda-meta", "etc/conda/env_vars.d", "etc/conda/activate.d"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "etc/conda/env_vars.d/b.json").write_text('{"ONE": "file", "TWO": "file"}')
    state = {"version": 1, "env_vars": {"TWO": "state", "GONE": "***unset***", "NUMBER": 3}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    return prefix


def test_variables_come_in_condas_order(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path)
    found = activation.plain(str(prefix), "demo")
    assert found["PATH"].split(":")[0] == f"{prefix}/bin"
    assert found["CONDA_PREFIX"] == str(prefix)
    assert found["CONDA_DEFAULT_ENV"] == "demo"
    assert (found["ONE"], found["TWO"], found["NUMBER"]) == ("file", "state", "3")
    assert "GONE" not in found


def test_scripts_see_what_is_set_before_and_are_told_apart(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path)
    scripts = prefix / "etc/conda/activate.d"
    (scripts / "a.sh").write_text('export TWO="$TWO and script"; export NEW="a\nb"; local=1\n')
    (scripts / "b.sh").write_text('echo noise; export PATH="/extra:$PATH"; [ -n "$NOTHING" ]\n')
    (scripts / "c.fish").write_text("set -gx NOT me\n")
    found = activation.run_scripts(context(), str(prefix), "demo", None)
    before = activation.plain(str(prefix), "demo")
    assert found == {"TWO": "state and script", "NEW": "a\nb", "PATH": f"/extra:{before['PATH']}"}


def test_scripts_that_cannot_be_read_by_a_shell_fail(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path)
    (prefix / "etc/conda/activate.d/a.sh").write_text("echo lost; exit 7\n")
    with pytest.raises(core.Fail, match="ended with 7: lost"):
        activation.run_scripts(context(), str(prefix), "demo", None)


def test_whatever_a_script_reads_makes_it_run_again(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path)
    assert activation.inputs(str(prefix)) is None
    script = prefix / "etc/conda/activate.d/a.sh"
    script.write_text("export A=1\n")
    seen = {activation.inputs(str(prefix))}
    script.write_text("export A=2\n")
    seen.add(activation.inputs(str(prefix)))
    (prefix / "conda-meta/state").write_text("{}")
    seen.add(activation.inputs(str(prefix)))
    (prefix / "etc/conda/env_vars.d/b.json").unlink()
    seen.add(activation.inputs(str(prefix)))
    assert len(seen) == 4
    assert None not in seen


def test_who_holds_a_port_is_named() -> None:
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        owner = portowner.taken("127.0.0.1", port)
        assert shlex.split(owner)[:2] == ["process", str(os.getpid())]
        assert portowner.taken("0.0.0.0", port) == owner
        assert portowner.taken("127.0.0.2", port) == ""
    assert portowner.taken("127.0.0.1", port) == ""
