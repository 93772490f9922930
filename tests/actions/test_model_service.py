"""Model services on real hosts of three releases (systemd 247, 252, 257)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from provision.lab.remote import ssh_arguments
from provision.transport import payload
from provision.transport.link import Step

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost, TestContext
from tests.labfixture import LabHostFactory

pytestmark = pytest.mark.lab

NAME = "prv-svc"
PORT = 8471
UNIT_FILE = f"/etc/systemd/system/{NAME}.service"
FOLDER = f"/etc/provision/services/{NAME}"
SHIPPED = Path(__file__).parents[2] / "templates"
#: Answers with what it was started with, as root alone could see it otherwise.
SERVER = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        place = os.environ.get("CREDENTIALS_DIRECTORY", "")
        names = os.listdir(place) if place else []
        told = {
            "status": "ok", "environment": dict(os.environ), "executable": sys.executable,
            "credentials": {n: open(os.path.join(place, n)).read() for n in names},
        }
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *args):
        pass

print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WANTED: dict[str, Any] = {
    "name": NAME,
    "command": f"/usr/bin/python3 server.py {PORT}",
    "files": "server.py",
    "port": PORT,
    "gpus": "none",
    "health": {"timeout": 20, "expect": {"status": "ok"}},
}


def sh(host: ActionHost, line: str, **args: Any) -> str:
    outcome = host.run("shell", cmd=line, **args)
    assert outcome.status == "changed", f"{outcome.msg} {outcome.data}"
    return str(outcome.data["stdout"])


def clean(host: ActionHost) -> None:
    sh(
        host,
        "systemctl stop 'prv-*' 2>/dev/null; find /etc/systemd/system /run/systemd/system "
        "-depth -name 'prv-*' -exec rm -rf {} +; systemctl daemon-reload; systemctl reset-failed; "
        "rm -rf /etc/provision/services/prv-* /var/lib/provision/services/prv-* /opt/prv-conda "
        "/srv/models/prv-* /var/lib/models/prv-* /var/cache/models/prv-*; "
        "for u in $(cut -d: -f1 /etc/passwd | grep '^prv-'); do userdel $u; done; true",
    )


@pytest.fixture(scope="module", params=["bookworm", "trixie", "bullseye"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def project(host: ActionHost) -> ActionHost:
    (host.project / "templates").symlink_to(SHIPPED)
    (host.project / "server.py").write_text(SERVER)
    return host


@pytest.fixture
def host(real: RealHost, release: str) -> Iterator[ActionHost]:
    made = project(real(release=release))
    clean(made)
    yield made
    clean(made)


@pytest.fixture
def one(real: RealHost) -> Iterator[ActionHost]:
    """For what does not depend on systemd's version."""
    made = project(real())
    clean(made)
    yield made
    clean(made)


def keys(outcome: Any) -> list[str]:
    return [entry["key"] for entry in outcome.diff]


def show(host: ActionHost, prop: str) -> str:
    return sh(host, f"systemctl show -P {prop} {NAME}").strip()


def pid(host: ActionHost) -> str:
    found = show(host, "MainPID")
    assert found != "0"
    return found


def ask(host: ActionHost) -> Any:
    return json.loads(
        sh(host, f"curl -sf --retry 5 --retry-connrefused http://127.0.0.1:{PORT}/health")
    )


def checks_then(host: ActionHost, expected: list[str], **args: Any) -> None:
    """A check finds just that, an apply repairs it, and nothing is left to do."""
    checked = host.run("model_service", check=True, **args)
    assert (checked.status, keys(checked)) == ("changed", expected), checked.msg
    done = host.run("model_service", **args)
    assert (done.status, keys(done)) == ("changed", expected), done.msg
    again = host.run("model_service", **args)
    assert again.status == "ok", again.diff


# -- from nothing, and nothing to do ------------------------------------------------------


def test_from_nothing_to_an_answer(host: ActionHost) -> None:
    diff = converges(
        host, "model_service", **WANTED, environment={"GREETING": "$1 \"a\" 'b' \\n %h"}
    )
    assert diff["user"] == (None, NAME)
    assert diff["active"] == ("inactive", "active")
    assert diff["enabled"] == (False, True)
    assert diff["app/server.py"] == (None, SERVER)
    assert "[Service]" in diff["unit"][1]
    told = ask(host)
    assert told["environment"]["GREETING"] == "$1 \"a\" 'b' \\n %h"
    assert told["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert told["environment"]["HOME"] == f"/var/lib/models/{NAME}"
    assert sh(host, f"systemctl is-enabled {NAME}").strip() == "enabled"
    assert sh(host, f"ps -o user:32= -p {pid(host)}").strip() == NAME
    assert sh(host, f"getent passwd {NAME}").strip().endswith("nologin")


def test_the_default_unit_is_clean_and_hardened(host: ActionHost, release: str) -> None:
    for gpus in ("none", "all"):
        assert host.run("model_service", **{**WANTED, "gpus": gpus}).status == "changed"
        assert sh(host, f"systemd-analyze verify {UNIT_FILE} 2>&1") == ""
        told = sh(host, f"systemd-analyze security --no-pager {NAME}.service | tail -1")
        found = re.search(r"([0-9.]+) [A-Z]+", told)
        assert found is not None
        assert float(found[1]) <= 4.0


def test_nothing_to_do_starts_no_process(lab_host: LabHostFactory, tmp_path: Path) -> None:
    lab, there = lab_host()
    line = payload.command_line()

    def connect(command: str) -> ActionHost:
        return ActionHost(tmp_path, argv=ssh_arguments(lab.handle, there.name, command=command))

    quiet, watcher = connect(f"export PRV_MARK=quiet-agent; {line}"), connect(line)
    try:
        clean(project(watcher))
        assert watcher.run("model_service", **WANTED).status == "changed"
        assert quiet.run("model_service", **WANTED).status == "ok"
        assert quiet.run("model_service", **WANTED, check=True).status == "ok"
        # the faults of children that have ended: none without children
        marked = sh(watcher, "grep -lz '^PRV_MARK=quiet-agent' /proc/[0-9]*/environ || true")
        faults = [
            sh(watcher, f"cut -d' ' -f11 {Path(found).parent}/stat").strip()
            for found in marked.split()
        ]
        assert "0" in faults
        sh(quiet, "true")
        assert sh(watcher, f"cut -d' ' -f11 {Path(marked.split()[-1]).parent}/stat").strip() != "0"
    finally:
        clean(watcher)
        quiet.close()
        watcher.close()


# -- what others change -------------------------------------------------------------------


def test_an_edited_unit_is_put_back_without_a_restart(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    before = pid(host)
    sh(host, f"sed -i s/^RestartSec=.*/RestartSec=99/ {UNIT_FILE}")
    checked = host.run("model_service", check=True, **WANTED)
    (entry,) = checked.diff
    assert entry["key"] == "unit"
    assert "RestartSec=99" in entry["before"]
    assert "RestartSec=5\n" in entry["after"]
    checks_then(host, ["unit"], **WANTED)
    assert pid(host) == before
    assert show(host, "RestartUSec") == "5s"
    assert show(host, "NeedDaemonReload") == "no"


def test_an_edited_unit_that_has_been_started_is_started_again(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    sh(host, f"sed -i s/^UMask=.*/UMask=0000/ {UNIT_FILE}; systemctl daemon-reload")
    sh(host, f"systemctl restart {NAME}")
    before = pid(host)
    checks_then(host, ["unit", "process"], **WANTED)
    assert pid(host) != before


def test_a_unit_that_the_manager_has_not_read_is_found(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    sh(host, f"cp -p {UNIT_FILE} /tmp/prv-unit; sed -i s/UMask=.*/UMask=0/ {UNIT_FILE}")
    sh(host, f"systemctl daemon-reload; cp -p /tmp/prv-unit {UNIT_FILE}; rm /tmp/prv-unit")
    checks_then(host, ["loaded"], **WANTED)
    assert show(host, "UMask") == "0027"
    # started from what the manager had read then
    sh(host, f"cp -p {UNIT_FILE} /tmp/prv-unit; sed -i s/UMask=.*/UMask=0/ {UNIT_FILE}")
    sh(host, f"systemctl daemon-reload; systemctl restart {NAME}; mv /tmp/prv-unit {UNIT_FILE}")
    ask(host)
    checks_then(host, ["loaded", "process"], **WANTED)
    assert show(host, "UMask") == "0027"


def test_a_stopped_service_is_one_difference(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    sh(host, f"systemctl stop {NAME}")
    checked = host.run("model_service", check=True, **WANTED)
    assert checked.diff == [{"key": "active", "before": "inactive", "after": "active"}]
    checks_then(host, ["active"], **WANTED)
    sh(host, f"systemctl kill -s KILL {NAME}; sleep 0.5")
    checks_then(host, ["active"], **WANTED)


def test_an_edited_environment_file_is_put_back(host: ActionHost) -> None:
    host.run("model_service", **WANTED, environment={"MODE": "good"})
    before = pid(host)
    edit = f"sed -i 's/good/evil/' {FOLDER}/environment"
    sh(host, edit)
    checks_then(host, ["environment"], **WANTED, environment={"MODE": "good"})
    assert pid(host) == before
    sh(host, f"{edit}; systemctl restart {NAME}")
    assert ask(host)["environment"]["MODE"] == "evil"
    checks_then(host, ["environment", "process"], **WANTED, environment={"MODE": "good"})
    assert ask(host)["environment"]["MODE"] == "good"


def test_permissions_and_other_small_things_are_found(one: ActionHost) -> None:
    host = one
    wanted = {**WANTED, "secrets": {"token": "hush-hush"}}
    host.run("model_service", **wanted)
    before = pid(host)
    for line, key in (
        (f"chmod 644 {FOLDER}/environment", "environment permissions"),
        (f"chown nobody {UNIT_FILE}", "unit permissions"),
        (f"chmod 644 {FOLDER}/credentials/token", "secret token permissions"),
        (f"echo x > {FOLDER}/credentials/old", "secret old"),
        (f"systemctl disable {NAME}", "enabled"),
        (f"chmod 666 /srv/models/{NAME}/server.py", "app/server.py: mode"),
    ):
        sh(host, line)
        checks_then(host, [key], **wanted)
    assert pid(host) == before


def test_a_drop_in_does_not_escape(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    folder = f"{UNIT_FILE}.d"
    sh(host, f"mkdir {folder}; printf '[Service]\nUMask=0\n' > {folder}/override.conf")
    sh(host, f"systemctl daemon-reload; systemctl restart {NAME}")
    checks_then(host, ["overrides", "process"], **WANTED)
    assert show(host, "UMask") == "0027"
    assert sh(host, f"ls -d {folder} || true") == ""


def test_a_masked_unit_is_unmasked(host: ActionHost) -> None:
    host.run("model_service", **WANTED)
    sh(host, f"systemctl stop {NAME}; rm {UNIT_FILE}; systemctl mask {NAME}")
    checks_then(host, ["unit", "enabled", "active"], **WANTED)


def test_a_service_that_hangs_is_started_again(one: ActionHost) -> None:
    host = one
    wanted = {**WANTED, "health": {"timeout": 0.4, "request_timeout": 0.3, "interval": 0.1}}
    host.run("model_service", **{**wanted, "health": {"timeout": 20}})
    before = pid(host)
    sh(host, f"kill -STOP {before}")
    checked = host.run("model_service", check=True, **wanted)
    assert checked.diff == [
        {"key": "health", "before": "no answer within 0.3 s", "after": "ok"},
    ]
    # systemd continues what it stops, so that the end is not waited for
    done = host.run("model_service", **{**wanted, "health": {"timeout": 1, "request_timeout": 0.3}})
    assert done.status in ("changed", "failed")
    assert pid(host) != before


def test_two_controllers_at_once_agree(lab_host: LabHostFactory, tmp_path: Path) -> None:
    lab, there = lab_host()
    argv = ssh_arguments(lab.handle, there.name, command=payload.command_line())
    hosts = [ActionHost(tmp_path, argv=argv) for _ in range(2)]
    try:
        clean(project(hosts[0]))
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda host: host.run("model_service", **WANTED), hosts))
        assert [outcome.status for outcome in outcomes] == ["changed", "changed"], outcomes
        assert hosts[0].run("model_service", **WANTED).status == "ok"
    finally:
        clean(hosts[0])
        for host in hosts:
            host.close()


def test_a_template_without_install_section_counts_as_enabled(one: ActionHost) -> None:
    (one.project / "plain.service.j2").write_text(
        "[Service]\nEnvironmentFile={{ service.environment_file }}\n"
        "WorkingDirectory={{ service.working_directory }}\nExecStart={{ service.command }}\n"
    )
    outcome = one.run("model_service", **WANTED, template="plain.service.j2")
    assert outcome.status == "changed", outcome.msg
    assert one.run("model_service", **WANTED, template="plain.service.j2").status == "ok"


# -- restarts -----------------------------------------------------------------------------


def test_only_what_changed_restarts(one: ActionHost) -> None:
    host = one
    host.run("model_service", **WANTED)
    before = pid(host)
    harmless: list[dict[str, Any]] = [{"enabled": False}, {"health": {"timeout": 9}}]
    for change in harmless:
        host.run("model_service", **{**WANTED, **change})
        assert pid(host) == before
    for change, key in (
        ({"environment": {"A": "1"}}, "environment"),
        ({"limits": {"memory": "512M"}}, "unit"),
        ({"secrets": {"token": "one"}}, "secret token"),
        ({"secrets": {"token": "two"}}, "secret token"),
    ):
        before = pid(host)
        done = host.run("model_service", **{**WANTED, **change})
        assert key in keys(done)
        assert "process" in keys(done)
        assert done.data["restarted"]
        assert pid(host) != before


def test_changed_application_files_restart_it(one: ActionHost) -> None:
    host = one
    host.run("model_service", **WANTED)
    before = pid(host)
    (host.project / "server.py").write_text(SERVER + "# new\n")
    host.made.clear()
    checks_then(host, ["app/server.py", "process"], **WANTED)
    assert pid(host) != before


def test_a_restart_that_did_not_happen_is_seen_by_the_next_run(host: ActionHost) -> None:
    host.run("model_service", **WANTED, environment={"VERSION": "1"})
    before = pid(host)
    # as if a run had ended between writing the file and restarting
    sh(host, f"sed -i /VERSION/s/1/2/ {FOLDER}/environment")
    wanted = {**WANTED, "environment": {"VERSION": "2"}}
    checks_then(host, ["process"], **wanted)
    assert pid(host) != before
    # and as if nobody had recorded anything
    sh(
        host,
        f"sed -i /VERSION/s/2/3/ {FOLDER}/environment; rm /var/lib/provision/services/{NAME}.json",
    )
    checks_then(host, ["process"], **{**WANTED, "environment": {"VERSION": "3"}})
    assert ask(host)["environment"]["VERSION"] == "3"


def test_who_restarted_it_does_not_matter(host: ActionHost) -> None:
    host.run("model_service", **WANTED, environment={"VERSION": "1"})
    sh(host, f"sed -i /VERSION/s/1/2/ {FOLDER}/environment; systemctl restart {NAME}")
    ask(host)
    outcome = host.run("model_service", **WANTED, environment={"VERSION": "2"})
    assert outcome.status == "ok", outcome.diff


def test_restarted_always_restarts(one: ActionHost) -> None:
    host = one
    wanted = {**WANTED, "state": "restarted"}
    assert "active" in keys(host.run("model_service", **wanted))
    before = pid(host)
    checked = host.run("model_service", **wanted, check=True)
    assert (checked.status, keys(checked)) == ("changed", ["state"])
    assert pid(host) == before
    assert host.run("model_service", **wanted).status == "changed"
    assert pid(host) != before
    assert host.run("model_service", **WANTED).status == "ok"


# -- failures -----------------------------------------------------------------------------


def test_a_check_that_fails_shows_the_journal(host: ActionHost) -> None:
    wanted = {**WANTED, "health": {"path": "/nowhere", "timeout": 0.5}}
    outcome = host.run("model_service", **wanted)
    assert outcome.status == "failed"
    first, *journal = outcome.msg.splitlines()
    assert first == (
        f"{NAME}.service did not become healthy within 0.5 s: HTTP status 404, not 200"
    )
    assert "serving" in journal
    assert "serving" in outcome.data["journal"]


def test_a_service_that_ends_fails_at_once(host: ActionHost) -> None:
    command = "/bin/sh -c 'echo no model here; sleep 0.3; exit 7'"
    wanted = {**WANTED, "command": command, "health": {"timeout": 50}}
    outcome = host.run("model_service", **wanted)
    assert outcome.status == "failed"
    assert f"{NAME}.service ended while it was starting" in outcome.msg
    assert "no model here" in outcome.msg
    # without a port, too
    wanted = {"name": NAME, "command": command}
    outcome = host.run("model_service", **wanted)
    assert "ended while it was starting" in outcome.msg
    checks_then_fixed = host.run("model_service", **WANTED)
    assert checks_then_fixed.status == "changed", checks_then_fixed.msg


def test_a_unit_that_systemd_rejects_changes_nothing(host: ActionHost) -> None:
    for wanted in (
        {**WANTED, "command": "/nowhere/server --port 1"},
        {**WANTED, "directives": {"Service": {"ExecStartPre": "relative/path"}}},
    ):
        for check in (True, False):
            outcome = host.run("model_service", **wanted, check=check)
            assert outcome.status == "failed", wanted
            assert "systemd rejects the unit" in outcome.msg
    assert sh(host, f"ls -d {UNIT_FILE} {FOLDER} /srv/models/{NAME} 2>/dev/null || true") == ""


def test_directives_that_systemd_does_not_know_are_warned_of(host: ActionHost) -> None:
    wanted = {**WANTED, "directives": {"Service": {"MemoryMaximum": "1G"}}}
    outcome = host.run("model_service", **wanted)
    assert outcome.status == "changed"
    assert any("MemoryMaximum" in text for text in outcome.data["warnings"])


def test_a_port_that_is_taken_is_told_with_its_owner(one: ActionHost) -> None:
    host = one
    sh(
        host,
        f"systemd-run -q --unit prv-other /usr/bin/python3 -m http.server {PORT} "
        f"--bind 127.0.0.1; for i in $(seq 50); do curl -s localhost:{PORT} >/dev/null && break; "
        "sleep 0.1; done",
    )
    outcome = host.run("model_service", **WANTED)
    assert outcome.status == "failed"
    other = sh(host, "systemctl show -P MainPID prv-other").strip()
    assert outcome.msg == f"port {PORT} on 127.0.0.1 is taken by process {other} (python3)"
    assert sh(host, f"ls {UNIT_FILE} 2>/dev/null || true") == ""


def test_two_services_cannot_have_one_port(one: ActionHost) -> None:
    from provision.actions import action

    acts = action("model_service")
    ctx = TestContext(one, True, {})
    steps = []
    for index, name in enumerate(("prv-a", "prv-b")):
        call = acts.plan(acts.parse({**WANTED, "name": name}), ctx)
        assert not isinstance(call, tuple)
        steps.append(Step(index, call.mod, call.args, check=True))  # type: ignore[union-attr]
    results = [said for said in one.link.run(steps) if said["type"] == "result"]
    assert [said["status"] for said in results] == ["changed", "failed"]
    assert results[1]["msg"] == f"port {PORT} on 127.0.0.1 is the service prv-a's already"


def test_units_of_packages_are_left_alone(one: ActionHost) -> None:
    for state in ("started", "absent"):
        args: dict[str, Any] = {"name": "ssh", "state": state}
        if state == "started":
            args["command"] = "/bin/true"
        outcome = one.run("model_service", **args)
        assert outcome.status == ("failed" if state == "started" else "ok"), outcome.msg
    assert sh(one, "systemctl is-active ssh").strip() == "active"


def test_accounts_must_exist_unless_they_may_be_made(one: ActionHost) -> None:
    outcome = one.run("model_service", **WANTED, user="prv-nobody", create_user=False)
    assert outcome.msg == "there is no user prv-nobody on the host"
    outcome = one.run("model_service", **WANTED, groups=["prv-nothing"])
    assert outcome.msg == "there is no group prv-nothing on the host"


# -- secrets ------------------------------------------------------------------------------


def test_secrets_are_nowhere_to_be_seen(host: ActionHost) -> None:
    secrets = {"token": "hush-hush-token", "key.pem": "line one\nline two\n"}
    wanted = {**WANTED, "secrets": secrets}
    diff = converges(host, "model_service", **wanted)
    assert diff["secret token"] == ("(not shown)", "(not shown)")
    told = ask(host)
    assert told["credentials"] == secrets
    place = f"/run/credentials/{NAME}.service"
    assert told["environment"]["TOKEN_FILE"] == f"{place}/token"
    assert told["environment"]["KEY_PEM_FILE"] == f"{place}/key.pem"
    assert "hush-hush-token" not in json.dumps(told["environment"])
    for line in (
        f"systemctl show {NAME}",
        f"systemctl cat {NAME}",
        f"cat {FOLDER}/environment",
        "ps -eww -o args= | grep -v 'grep'",
        f"journalctl -u {NAME} --no-pager",
        f"cat /var/lib/provision/services/{NAME}.json",
    ):
        assert "hush-hush" not in sh(host, line).replace(line, "")
    found = f"find {FOLDER}/credentials -printf '%m %u %f\\n' | sort"
    assert sh(host, found).split("\n")[:3] == [
        "600 root key.pem",
        "600 root token",
        "700 root credentials",
    ]
    before = pid(host)
    changed = host.run("model_service", **{**wanted, "secrets": {"token": "other"}})
    assert changed.status == "changed"
    assert ask(host)["credentials"] == {"token": "other"}
    assert pid(host) != before


def test_secrets_as_environment_variables(host: ActionHost) -> None:
    wanted = {**WANTED, "secrets": {"API_KEY": 'hush "$x"'}, "secret_delivery": "environment"}
    converges(host, "model_service", **wanted)
    assert ask(host)["environment"]["API_KEY"] == 'hush "$x"'
    assert "hush" not in sh(host, f"systemctl show {NAME}")
    assert sh(host, f"stat -c '%a %U' {FOLDER}/secrets").strip() == "600 root"
    host.run("model_service", **WANTED)
    assert sh(host, f"ls {FOLDER}").split() == ["environment"]


# -- environments -------------------------------------------------------------------------


def generation(host: ActionHost, digest: str, greeting: str) -> str:
    """Something like a conda environment, and the name that leads to it."""
    prefix = f"/opt/prv-conda/envs/.generations/demo-{digest}"
    sh(
        host,
        f"mkdir -p {prefix}/bin {prefix}/conda-meta {prefix}/etc/conda/activate.d; "
        f"ln -s /usr/bin/python3 {prefix}/bin/python; "
        f"""echo '{{"env_vars": {{"GREETING": "{greeting}"}}}}' > {prefix}/conda-meta/state; """
        f"echo 'export SCRIPTED=\"$GREETING by $(id -un)\"' "
        f"> {prefix}/etc/conda/activate.d/a.sh; "
        f"ln -sfn .generations/demo-{digest} /opt/prv-conda/envs/demo",
    )
    return prefix


ENV = {
    **WANTED,
    "command": f"python server.py {PORT}",
    "env": "demo",
    "conda": "/opt/prv-conda",
    "environment": {"DATA": "@PREFIX@/share"},
}


def test_it_runs_in_the_generation_that_the_name_leads_to(host: ActionHost) -> None:
    prefix = generation(host, "0123456789ab", "hello")
    done = host.run("model_service", **ENV)
    assert done.status == "changed", done.msg
    assert done.data["prefix"] == prefix
    told = ask(host)
    assert told["executable"] == f"{prefix}/bin/python"
    found = told["environment"]
    assert (found["CONDA_PREFIX"], found["DATA"]) == (prefix, f"{prefix}/share")
    assert found["PATH"].split(":")[0] == f"{prefix}/bin"
    assert (found["GREETING"], found["SCRIPTED"]) == ("hello", f"hello by {NAME}")
    assert host.run("model_service", **ENV).status == "ok"

    other = generation(host, "ba9876543210", "welcome")
    checked = host.run("model_service", **ENV, check=True)
    assert keys(checked) == ["unit", "environment", "activation", "process"]
    assert other in checked.diff[0]["after"]
    assert host.run("model_service", **ENV).status == "changed"
    told = ask(host)
    assert told["executable"] == f"{other}/bin/python"
    assert told["environment"]["SCRIPTED"] == f"welcome by {NAME}"
    assert host.run("model_service", **ENV).status == "ok"


def test_changed_activation_is_taken_over(one: ActionHost) -> None:
    host = one
    prefix = generation(host, "0123456789ab", "hello")
    host.run("model_service", **ENV)
    sh(host, f"echo 'export SCRIPTED=anew' > {prefix}/etc/conda/activate.d/a.sh")
    assert host.run("model_service", **ENV, check=True).status == "changed"
    assert host.run("model_service", **ENV).status == "changed"
    assert ask(host)["environment"]["SCRIPTED"] == "anew"
    assert host.run("model_service", **ENV).status == "ok"


def test_an_environment_that_is_not_there(one: ActionHost) -> None:
    outcome = one.run("model_service", **ENV)
    assert outcome.status == "failed"
    assert outcome.msg == "there is no environment demo in /opt/prv-conda/envs"
    checked = one.run("model_service", **ENV, check=True)
    assert checked.status == "changed"
    assert "there is no environment demo on the host yet" in checked.data["warnings"]
    generation(one, "0123456789ab", "x")
    outcome = one.run("model_service", **{**ENV, "command": "vllm serve"})
    assert outcome.msg == "the environment demo has no program vllm"


def test_a_check_knows_the_generation_that_an_earlier_step_builds(one: ActionHost) -> None:
    from provision.actions import action

    generation(one, "0123456789ab", "hello")
    assert one.run("model_service", **ENV).status == "changed"
    acts = action("model_service")
    call: Any = acts.plan(acts.parse(ENV), TestContext(one, True, {}))
    for digest, status in (("0123456789ab", "ok"), ("cccccccccccc", "changed")):
        env = {
            "name": "demo", "envs_dir": "/opt/prv-conda/envs", "state": "present",
            "generation": f"demo-{digest}", "digest": "", "payload": "0" * 64,
            "check_level": "records", "force": False,
        }  # fmt: skip
        steps = [
            Step(0, "conda_env", env, check=True, go_on=True),
            Step(1, call.mod, call.args, check=True),
        ]
        results = {r["i"]: r for r in one.link.run(steps) if r["type"] == "result"}
        assert results[1]["status"] == status, results[1]
        if status == "changed":
            assert f"demo-{digest}/bin/python" in results[1]["diff"][0]["after"]


# -- stopped and absent -------------------------------------------------------------------


def test_a_service_can_stand_ready(one: ActionHost) -> None:
    host = one
    wanted = {**WANTED, "state": "stopped", "enabled": False}
    done = host.run("model_service", **wanted)
    assert done.status == "changed"
    assert host.run("model_service", **wanted).status == "ok"
    assert show(host, "ActiveState") == "inactive"
    checks_then(host, ["enabled", "active"], **WANTED)
    checks_then(host, ["enabled", "active"], **wanted)


def test_an_absent_service_leaves_nothing(host: ActionHost) -> None:
    host.run("model_service", **WANTED, secrets={"token": "x"})
    diff = converges(host, "model_service", name=NAME, state="absent")
    assert diff["active"] == ("active", "inactive")
    assert diff["unit"] == ("file", None)
    left = f"ls -d {UNIT_FILE} {FOLDER} /var/lib/provision/services/{NAME}.json 2>/dev/null || true"
    assert sh(host, left) == ""
    assert sh(host, f"systemctl show -P LoadState {NAME}").strip() == "not-found"
    assert sh(host, f"ls /srv/models/{NAME}").strip() == "server.py"
    diff = converges(host, "model_service", name=NAME, state="absent", purge=True)
    assert sorted(diff) == ["cache directory", "state directory", "working directory"]
    assert sh(host, f"ls -d /srv/models/{NAME} /var/lib/models/{NAME} 2>/dev/null || true") == ""


def test_purging_does_not_take_somebodys_home(one: ActionHost) -> None:
    sh(one, "mkdir -p /home/prv-lena")
    args: dict[str, Any] = {"name": NAME, "state": "absent", "purge": True}
    args["working_directory"] = "/home/prv-lena"
    outcome = one.run("model_service", **args)
    assert outcome.status == "failed"
    assert "does not look like one service's directory" in outcome.msg
    sh(one, "rmdir /home/prv-lena")
