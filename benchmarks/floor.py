"""The floor: what it costs to connect to N hosts and to look at what the 20 tasks describe.

    python -m benchmarks.floor KEY ADDRESS...

Paramiko's connect and one `python3` on each host, no tool around them. Prints the seconds of
the whole process without its imports, and with them.
"""

from __future__ import annotations

import sys
import time

STARTED = time.perf_counter()

import concurrent.futures  # noqa: E402

import paramiko  # noqa: E402

OBSERVE = b"""
import os,sys,json,hashlib,subprocess,pwd
r={}
S=('bert','sd','llama','whisper')
F=['/etc/models/%s.env'%s for s in S]+['/etc/systemd/system/model-%s.service'%s for s in S]
for p in F+['/etc/security/limits.d/models.conf']:
    try:
        st=os.stat(p)
        r[p]=[oct(st.st_mode),st.st_uid,hashlib.sha256(open(p,'rb').read()).hexdigest()]
    except OSError as e: r[p]=None
for p in ['/srv/models','/etc/models']+['/srv/models/%s'%s for s in S]:
    try: st=os.stat(p); r[p]=[oct(st.st_mode),st.st_uid]
    except OSError: r[p]=None
try: r['user']=list(pwd.getpwnam('modelsvc'))
except KeyError: r['user']=None
r['unit']=subprocess.run(['systemctl','show','-p','Id,ActiveState,UnitFileState,NeedDaemonReload']
    +['model-%s'%s for s in S],capture_output=True,text=True).stdout
print(json.dumps(r))
"""


def observe(address: str, key: paramiko.PKey) -> int:
    """Bytes of one host's answer."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        address,
        username="root",
        pkey=key,
        look_for_keys=False,
        allow_agent=False,
        timeout=30,
        banner_timeout=60,
        auth_timeout=60,
    )
    stdin, stdout, _ = client.exec_command("python3 -I -S -")
    stdin.write(OBSERVE)
    stdin.channel.shutdown_write()
    answer = stdout.read()
    stdout.channel.recv_exit_status()
    client.close()
    return len(answer)


def main() -> None:
    key = paramiko.Ed25519Key.from_private_key_file(sys.argv[1])
    addresses = sys.argv[2:]
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(len(addresses)) as pool:
        sizes = list(pool.map(lambda address: observe(address, key), addresses))
    assert all(sizes)
    ended = time.perf_counter()
    print(f"{ended - begun:.3f} {ended - STARTED:.3f}")


if __name__ == "__main__":
    main()
