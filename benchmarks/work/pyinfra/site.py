"""The same 20 tasks as playbook/site.yml, in pyinfra's own terms."""

from io import StringIO

from pyinfra import host
from pyinfra.operations import files, server, systemd

PORTS = {"bert": 8001, "sd": 8002, "llama": 8003, "whisper": 8004}
LIMITS = "modelsvc soft memlock unlimited\nmodelsvc hard memlock unlimited\n"

server.user(
    name="service account",
    user="modelsvc",
    system=True,
    shell="/usr/sbin/nologin",
    home="/srv/models",
    create_home=False,
)
files.directory(name="model root", path="/srv/models", user="modelsvc", mode="755")
files.directory(name="config root", path="/etc/models", mode="750")
files.put(
    name="shared limits",
    src=StringIO(LIMITS),
    dest="/etc/security/limits.d/models.conf",
    mode="644",
)
for svc in PORTS:
    files.directory(name=f"dir {svc}", path=f"/srv/models/{svc}", user="modelsvc", mode="755")
for svc, port in PORTS.items():
    files.template(
        name=f"env {svc}",
        src="templates/env.j2",
        dest=f"/etc/models/{svc}.env",
        mode="640",
        svc=svc,
        port=port,
    )
changed = [
    files.template(
        name=f"unit {svc}",
        src="templates/unit.j2",
        dest=f"/etc/systemd/system/model-{svc}.service",
        mode="644",
        svc=svc,
        port=port,
    )
    for svc, port in PORTS.items()
]
systemd.daemon_reload(name="reload", _if=lambda: any(op.did_change() for op in changed))
for svc in PORTS:
    systemd.service(name=f"start {svc}", service=f"model-{svc}", running=True, enabled=True)
