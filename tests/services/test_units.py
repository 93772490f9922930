"""Tasks and the units they become: the cases in `cases/units.yml`, and what refuses to be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from provision.actions import action
from provision.errors import InputError, PlaybookError, TemplateError
from provision.services.unitfile import add_lines, exec_words

from tests.services.planning import plan

CASES = yaml.safe_load((Path(__file__).parent / "cases/units.yml").read_text())
PLAIN = {"name": "a", "command": "/bin/true"}


def unit(project: Path, **args: Any) -> str:
    text = plan(project, **args)[0].args["unit_text"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_task_becomes_a_unit(tmp_path: Path, case: dict[str, Any]) -> None:
    assert set(case) <= {"case", "args", "lines", "without"}
    text = unit(tmp_path, **case["args"])
    for line in case["lines"]:
        assert line in text.splitlines()
    for absent in case.get("without", ()):
        assert absent not in text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"name": "a b", "command": "/bin/true"}, "cannot be the name of a service"),
        ({"name": "a.service", "command": "/bin/true"}, "cannot be the name of a service"),
        ({"name": "../x", "command": "/bin/true"}, "cannot be the name of a service"),
        ({"name": "a"}, "needs 'app', 'command', a 'kind' or a 'template'"),
        ({"name": "a", "app": "m:app"}, "'app' needs 'port'"),
        ({"name": "a", "app": "main.py", "port": 1}, "a module and what is in it"),
        ({"name": "a", "app": "m:a", "command": "x", "port": 1}, "'app' or 'command', not both"),
        ({**PLAIN, "kind": "uvicorn"}, "kind 'uvicorn' needs 'app'"),
        ({**PLAIN, "kind": "tritton"}, "there is no kind 'tritton'"),
        ({**PLAIN, "port": 70000}, "there is no port 70000"),
        ({**PLAIN, "health": "/ready"}, "a health check needs 'port'"),
        ({**PLAIN, "port": 1, "health": {"pth": "/"}}, "has no argument 'pth'"),
        ({**PLAIN, "port": 1, "health": {"path": "x"}}, "no path of a request"),
        ({**PLAIN, "limits": {"memry": "1G"}}, "has no argument 'memry'"),
        ({**PLAIN, "limits": {"memory": "a lot"}}, "takes a size such as 16G"),
        ({**PLAIN, "gpus": 2}, "'gpus' takes a list, 'all' or 'none'"),
        ({**PLAIN, "gpus": ["first"]}, "neither a GPU's index nor its UUID"),
        ({**PLAIN, "gpus": [0, 0]}, "names one twice"),
        ({**PLAIN, "user": "no body"}, "'user' takes a user's name"),
        ({**PLAIN, "working_directory": "srv/x"}, "no absolute path"),
        ({**PLAIN, "environment": {"A-B": "1"}}, "a variable's name"),
        ({**PLAIN, "environment": {"A": [1]}}, "takes a string"),
        ({**PLAIN, "secrets": {"a/b": "x"}}, "a secret's name"),
        ({**PLAIN, "directives": {"Socket": {"A": 1}}}, "has no section 'Socket'"),
        ({**PLAIN, "directives": {"Nice\nUser": "root"}}, "no directive of a unit"),
        ({**PLAIN, "directives": {"Nice": "5\nUser=root"}}, "takes a line of text"),
        ({**PLAIN, "description": "a\nUser=root"}, "more than one line"),
        ({**PLAIN, "purge": True}, "'purge' needs 'state: absent'"),
        ({**PLAIN, "command": "echo 'open"}, "'command' cannot be read"),
        ({**PLAIN, "files": "nowhere.py"}, "no file 'nowhere.py'"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_sent(
    tmp_path: Path, args: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan(tmp_path, **args)
    assert said in str(caught.value)


def test_nested_names_are_checked_when_a_playbook_is_read() -> None:
    raw = {**PLAIN, "port": "{{ port }}", "health": {"path": "{{ path }}", "expct": {}}}
    with pytest.raises(PlaybookError, match="has no argument 'expct'") as caught:
        action("model_service").parse(raw, deferred=True)
    assert "expect" in caught.value.hint
    with pytest.raises(PlaybookError, match="'cpu' takes a number"):
        action("model_service").parse({**PLAIN, "limits": {"cpu": "two"}}, deferred=True)


def test_a_project_overrides_a_template_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "uvicorn.service.j2").write_text(
        '{% extends "model-service.service.j2" %}\n'
        "{% block exec %}\nExecStart={{ service.bin }}/hypercorn {{ service.app }}\n"
        "{% endblock %}\n"
    )
    text = unit(tmp_path, name="a", env="e", app="m:app", port=1)
    assert "ExecStart=@PREFIX@/bin/hypercorn m:app" in text
    assert "NoNewPrivileges=yes" in text


def test_a_projects_template_is_a_kind_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "tgi.service.j2").write_text(
        "[Service]\nEnvironmentFile={{ service.environment_file }}\n"
        "ExecStart=/opt/tgi --port {{ service.port }} {{ service.args }}\n"
    )
    text = unit(tmp_path, name="a", kind="tgi", port=9000, args=["--quantize", "awq"])
    assert text == (
        "[Service]\nEnvironmentFile=/etc/provision/services/a/environment\n"
        "ExecStart=/opt/tgi --port 9000 --quantize awq\nEnvironment=PROVISION_UNIT=@UNIT@\n"
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("[Service]\nExecStart=/bin/true\n", "does not read the service's environment file"),
        ("[Unit]\nDescription=x\n", "has no section [Service]"),
        ("[Service]\nExecStart={{ service.comand }}\n", "comand"),
    ],
)
def test_a_template_that_cannot_work_is_named(tmp_path: Path, template: str, said: str) -> None:
    (tmp_path / "bad.service.j2").write_text(template)
    with pytest.raises(TemplateError) as caught:
        plan(tmp_path, **PLAIN, template="bad.service.j2")
    assert said in str(caught.value)
    assert "bad.service.j2" in str(caught.value.mark)


def test_lines_are_added_at_the_end_of_their_section() -> None:
    text = "[Unit]\nA=1\n\n[Service]\nB=2\n\n[Install]\nC=3\n"
    assert add_lines(text, "Service", ["D=4"]) == (
        "[Unit]\nA=1\n\n[Service]\nB=2\nD=4\n\n[Install]\nC=3\n"
    )
    assert add_lines(text, "Install", ["D=4"]).endswith("[Install]\nC=3\nD=4\n")
    with pytest.raises(TemplateError):
        add_lines(text, "Timer", ["D=4"])


def test_newlines_cannot_end_a_line_of_a_unit() -> None:
    assert exec_words(["a\nb"]) == '"a\\nb"'


def test_secrets_are_registered_and_sent_apart(tmp_path: Path) -> None:
    call, ctx = plan(tmp_path, **PLAIN, secrets={"hf_token": "hush-hush"})
    assert ctx.secrets == ["hush-hush"]
    assert call.args["secrets"] == {"hf_token": "hush-hush"}
    others = {key: value for key, value in call.args.items() if key != "secrets"}
    assert "hush-hush" not in repr(others)
    place = "/run/credentials/a.service/hf_token"
    assert call.args["environment"]["HF_TOKEN_FILE"] == place


def test_gpus_become_cudas_variables(tmp_path: Path) -> None:
    def cuda(gpus: Any) -> dict[str, str]:
        sent = plan(tmp_path, **PLAIN, gpus=gpus)[0].args["environment"]
        return {key: value for key, value in sent.items() if key.startswith("CUDA")}

    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert cuda(None) == {}
    assert cuda("all") == order
    assert cuda("none") == cuda([]) == order | {"CUDA_VISIBLE_DEVICES": ""}
    assert cuda([1, 3]) == cuda("1,3") == order | {"CUDA_VISIBLE_DEVICES": "1,3"}
    uuid = "GPU-5a1c0f7e-8a3d-6b1c-bb1e-3f2a7e0d9c11"
    assert cuda([uuid]) == order | {"CUDA_VISIBLE_DEVICES": uuid}


def test_applications_become_manifests(tmp_path: Path) -> None:
    files = tmp_path / "files/server"
    (files / "inner/__pycache__").mkdir(parents=True)
    (files / "inner/__pycache__/x.cpython-311.pyc").write_text("")
    (files / "inner/mod.py").write_text("x = 1\n")
    (files / "run.sh").write_text("#!/bin/sh\n")
    (files / "run.sh").chmod(0o755)
    (tmp_path / "labels.txt").write_text("cat\n")
    call, _ = plan(
        tmp_path,
        **PLAIN,
        app_dir="server",
        files=["labels.txt", {"src": "labels.txt", "dest": "data/a/l.txt", "mode": "0600"}],
    )
    app = call.args["app"]
    assert {item[0]: item[3] for item in app["files"]} == {
        "inner/mod.py": 0o644,
        "run.sh": 0o755,
        "labels.txt": 0o644,
        "data/a/l.txt": 0o600,
    }
    assert app["folders"] == ["inner", "data", "data/a"]
    assert len(call.blobs) == 3


def test_files_stay_under_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    for dest in ("/etc/x.py", "../x.py"):
        with pytest.raises(PlaybookError, match="does not lie under the working directory"):
            plan(tmp_path, **PLAIN, files={"src": "x.py", "dest": dest})


def test_the_deadline_leaves_time_for_the_service(tmp_path: Path) -> None:
    call, _ = plan(tmp_path, **PLAIN, port=1, timeout_start=900, health={"timeout": 600})
    assert call.timeout_s is not None
    assert call.timeout_s >= 1500
