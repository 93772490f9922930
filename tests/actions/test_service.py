"""service: units on a real host, scripts in a host without systemd (this machine, with
stand-ins for `service` and `update-rc.d`)."""

from __future__ import annotations

import pytest

from tests.actions.conftest import RealHost
from tests.actions.converging import converges


@pytest.mark.lab
def test_a_unit(real: RealHost) -> None:
    host = real()
    text = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
    host.run("shell", cmd="cat > /etc/systemd/system/prv-svc.service", stdin=text)
    try:
        converges(host, "service", name="prv-svc", state="started", enabled=True)
        assert host.run("service", name="prv-svc", state="restarted").status == "changed"
        converges(host, "service", name="prv-svc", state="stopped", enabled=False)
    finally:
        host.run("shell", cmd="rm /etc/systemd/system/prv-svc.service; systemctl daemon-reload")


SERVICE = """#!/bin/sh
case "$2" in
  status) test -e {run} ;;
  start) touch {run} ;;
  stop) rm -f {run} ;;
  restart) touch {run}; echo again >> {log} ;;
esac
"""
LINKS = """#!/bin/sh
case "$2" in
  enable) mkdir -p /etc/rc2.d; ln -sf ../init.d/$1 /etc/rc2.d/S50$1 ;;
  disable) rm -f /etc/rc2.d/S50$1 ;;
esac
"""


@pytest.mark.lab
def test_a_script_where_systemd_does_not_run(real: RealHost) -> None:
    """In a namespace of its own, where /run/systemd is covered."""
    host = real()
    run, log = "/tmp/prv-init.run", "/tmp/prv-init.log"
    setup = (
        "umount /usr/sbin/service 2>/dev/null; touch /etc/init.d/prv-init; "
        f"cat > /root/prv-service <<'E'\n{SERVICE.format(run=run, log=log)}E\n"
        f"cat > /root/prv-links <<'E'\n{LINKS}E\nchmod 755 /root/prv-service /root/prv-links"
    )
    assert host.run("shell", cmd=setup).status == "changed"
    from provision.transport import payload

    inner = payload.command_line().removeprefix("exec ")
    argv = host.link.channel.process.args[:-1]  # type: ignore[attr-defined]
    hidden = (
        "exec unshare -m sh -c 'mount -t tmpfs none /run/systemd; "
        "mount --bind /root/prv-service /usr/sbin/service; "
        'mount --bind /root/prv-links /usr/sbin/update-rc.d; exec "$@"\' sh ' + inner
    )
    from tests.actions.harness import ActionHost

    without = ActionHost(host.project, argv=[*argv, hidden])
    try:
        assert without.run("systemd", name="cron", state="started").status == "failed"
        converges(without, "service", name="prv-init", state="started", enabled=True)
        assert without.run("service", name="prv-init", state="restarted").status == "changed"
        assert without.run("command", argv=["cat", log]).data["stdout"] == "again"
        converges(without, "service", name="prv-init", state="stopped", enabled=False)
        missing = without.run("service", name="prv-none", state="started")
        assert "Could not find the requested service prv-none" in missing.msg
    finally:
        without.close()
        host.run(
            "shell", cmd=f"rm -f /etc/init.d/prv-init /root/prv-* {run} {log} /etc/rc2.d/S50prv*"
        )
