"""cron: crontabs of users and files in /etc/cron.d, on a real host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost

FILE = "/etc/cron.d/prv-test"


@pytest.fixture
def host(real: RealHost) -> Iterator[ActionHost]:
    made = real()
    clean = f"rm -f {FILE}; crontab -r; userdel prv-cron; true"
    made.run("shell", cmd=clean + "; useradd -M prv-cron")
    yield made
    made.run("shell", cmd=clean)


def crontab(host: ActionHost, user: str = "root") -> list[str]:
    lines = host.run("command", argv=["crontab", "-u", user, "-l"]).data["stdout_lines"]
    return [str(line) for line in lines]


def table(host: ActionHost) -> list[str]:
    return [str(x) for x in host.run("command", argv=["cat", FILE]).data["stdout_lines"]]


@pytest.mark.lab
def test_a_job_comes_changes_and_goes(host: ActionHost) -> None:
    converges(host, "cron", name="a job", minute="5", hour="3", job="echo 50\\% > /dev/null")
    assert crontab(host) == ["#Ansible: a job", "5 3 * * * echo 50\\% > /dev/null"]
    converges(host, "cron", name="a job", special_time="daily", job="true", disabled=True)
    assert crontab(host) == ["#Ansible: a job", "#@daily true"]
    outcome = host.run("cron", name="b", job="false")
    assert outcome.data["jobs"] == ["a job", "b"]
    converges(host, "cron", name="a job", state="absent")
    assert crontab(host) == ["#Ansible: b", "* * * * * false"]


@pytest.mark.lab
def test_what_others_wrote_stays(host: ActionHost) -> None:
    host.run("shell", cmd="crontab -", stdin="# mine\nPATH=/bin\n1 2 3 4 5 keep\n")
    converges(host, "cron", name="new", job="x")
    assert crontab(host)[:3] == ["# mine", "PATH=/bin", "1 2 3 4 5 keep"]
    adopted = converges(
        host, "cron", name="kept", minute="1", hour="2", day="3", month="4", weekday="5", job="keep"
    )
    assert "content" in adopted
    assert crontab(host)[2:4] == ["#Ansible: kept", "1 2 3 4 5 keep"]


@pytest.mark.lab
def test_variables(host: ActionHost) -> None:
    converges(host, "cron", name="MAILTO", env=True, job="ops@example.org")
    converges(host, "cron", name="LAST", env=True, value="z", insertafter="MAILTO")
    assert crontab(host) == ['MAILTO="ops@example.org"', 'LAST="z"']
    assert host.run("cron", name="X", env=True, job="1", insertbefore="NO").status == "failed"
    outcome = host.run("cron", name="LAST", env=True, state="absent")
    assert outcome.data["envs"] == ["MAILTO"]


@pytest.mark.lab
def test_another_users_crontab(host: ActionHost) -> None:
    converges(host, "cron", name="theirs", user="prv-cron", job="true")
    assert crontab(host, "prv-cron")[-1] == "* * * * * true"
    converges(host, "cron", name="theirs", user="prv-cron", state="absent")


@pytest.mark.lab
def test_a_file_for_cron(host: ActionHost) -> None:
    converges(host, "cron", name="f", cron_file="prv-test", user="root", hour="4", job="true")
    assert table(host) == ["#Ansible: f", "* 4 * * * root true"]
    mode = host.run("command", argv=["stat", "-c", "%a %U", FILE]).data["stdout"]
    assert mode == "644 root"
    converges(host, "cron", name="f", cron_file="prv-test", state="absent")
    assert host.run("command", argv=["test", "-e", FILE]).status == "failed"


@pytest.mark.lab
def test_what_cron_refuses_is_told(host: ActionHost) -> None:
    outcome = host.run("cron", name="bad", minute="99", job="true")
    assert outcome.status == "failed"
    assert "bad minute" in outcome.msg
    assert host.run("cron", name="bad", state="absent").status == "ok"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"name": "a"}, "needs a 'job'"),
        ({"name": "a", "job": "x\ny"}, "line break"),
        ({"name": "a", "job": "x", "special_time": "daily", "hour": "1"}, "not both"),
        ({"name": "a", "job": "x", "cron_file": "f"}, "needs 'user'"),
        ({"name": "a", "job": "x", "insertafter": "f"}, "go with 'env'"),
    ],
)
def test_what_does_not_go_together(here: ActionHost, args: dict[str, Any], why: str) -> None:
    with pytest.raises(PlaybookError, match=why):
        here.run("cron", **args)
