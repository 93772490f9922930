"""What became of a job in the background. args: jid, mode (status | cleanup), dir."""

from __future__ import annotations

import os

from provision.agent import core
from provision.agent.core import Fail
from provision.agent.wire import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping

    from provision.agent.core import Args, Context, Result

_FOLDER = "~/.ansible_async"


def path_of(jid: str, folder: str, env: Mapping[str, str]) -> str:
    """The file of a job. Raises Fail for a name that no job has."""
    if not jid or os.sep in jid or jid.startswith("."):
        raise Fail("%r is no job" % jid, ansible_job_id=jid, started=1, finished=1)
    return os.path.join(os.path.expanduser(folder or env.get("ANSIBLE_ASYNC_DIR") or _FOLDER), jid)


def write(path: str, content: Mapping[str, Any]) -> None:
    """Replaces a job's file at once: whoever reads it sees the old or the new."""
    beside = "%s.%d.tmp" % (path, os.getpid())
    with open(beside, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(dumps(content))
    os.chmod(beside, 0o600)
    os.rename(beside, path)


def finished(result: Mapping[str, Any], jid: str) -> Dict[str, Any]:
    """What the file of a job holds when it has ended."""
    return dict(result, started=1, finished=1, ansible_job_id=jid)


def main(ctx: Context, args: Args) -> Result:
    jid = args["jid"]
    path = path_of(jid, args.get("dir") or "", ctx.environ())
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            data = loads(stream.read())
    except OSError:
        raise Fail("could not find job", ansible_job_id=jid, started=1, finished=1) from None
    except ValueError:
        raise Fail("Could not parse job output", ansible_job_id=jid, results_file=path) from None
    if args.get("mode") == "cleanup":
        os.unlink(path)
        return core.ok(ansible_job_id=jid, erased=path)
    data["results_file"] = path
    msg = str(data.pop("msg", None) or "")
    if data.pop("failed", False):
        return core.failed(msg or "the job failed", **data)
    if data.get("changed"):
        return core.changed(msg=msg, **data)
    return core.ok(msg, **data)
