"""A Miniconda prefix whose `conda` covers what an environment's build calls, in a moment.

conda = FakeConda(tmp_path / "miniconda3")
conda.calls()                 # argument lists of what ran
conda.behave(fail="link")     # stops half-way, as a killed conda does
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.conda.tinychannel import TinyChannel

__all__ = ["FakeConda", "host_channel"]

_SCRIPT = r"""#!{python}
import hashlib, json, os, pathlib, sys, tarfile, time, urllib.request
root = pathlib.Path(__file__).resolve().parent.parent
with open(root / "calls.jsonl", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\n")
mode = json.loads((root / "behave.json").read_text()) if (root / "behave.json").exists() else {{}}
args = sys.argv[1:]
if args[0] == "config":
    print(json.dumps({{"pkgs_dirs": [str(root / "pkgs")]}}))
    sys.exit(0)
assert args[0] == "create", args
prefix = pathlib.Path(args[args.index("--prefix") + 1])
lines = pathlib.Path(args[args.index("--file") + 1]).read_text().splitlines()
(root / "explicit.txt").write_text("\n".join(lines))
urls = [line for line in lines if line and line != "@EXPLICIT"]
cache = root / "pkgs"
cache.mkdir(exist_ok=True)
archives = []
for line in urls:
    url, _, digest = line.partition("#")
    digest = digest[7:] if digest.startswith("sha256:") else ""
    data = urllib.request.urlopen(url).read()
    if digest and hashlib.sha256(data).hexdigest() != digest:
        sys.stderr.write("ChecksumMismatchError: " + url + "\n")
        sys.exit(1)
    (cache / url.rpartition("/")[2]).write_bytes(data)
    archives.append((url, digest, cache / url.rpartition("/")[2]))
meta = prefix / "conda-meta"
meta.mkdir(parents=True)
for number, (url, digest, archive) in enumerate(archives):
    if mode.get("fail") == "link" and number == len(archives) - 1:
        sys.stderr.write("CondaError: linking went wrong\n")
        sys.exit(0 if mode.get("quietly") else 1)
    if mode.get("sleep") and number == len(archives) - 1:
        (root / "sleeping").write_text(str(os.getpid()))
        time.sleep(mode["sleep"])
    with tarfile.open(archive) as tar:
        index = json.load(tar.extractfile("info/index.json"))
        paths = json.load(tar.extractfile("info/paths.json"))
        members = [m for m in tar if not m.name.startswith("info/")]
        tar.extractall(prefix, members, filter="fully_trusted")
    record = dict(index, url=url, sha256=digest, fn=archive.name, channel=url.rsplit("/", 1)[0],
                  files=[m.name for m in members], paths_data=paths)
    name = "{{name}}-{{version}}-{{build}}.json".format(**index)
    (meta / name).write_text(json.dumps(record))
(meta / "history").write_text("==> now <==\n# update specs: " + repr(urls) + "\n")
sys.exit(mode.get("rc", 0))
"""


class FakeConda:
    def __init__(self, prefix: Path, version: str = "26.7.1") -> None:
        self.prefix = prefix
        (prefix / "bin").mkdir(parents=True)
        (prefix / "conda-meta").mkdir()
        (prefix / "conda-meta/history").write_text("")
        record = {"name": "conda", "version": version, "build": "0", "files": ["bin/conda"]}
        (prefix / f"conda-meta/conda-{version}-0.json").write_text(json.dumps(record))
        program = prefix / "bin/conda"
        program.write_text(_SCRIPT.format(python=sys.executable))
        program.chmod(0o755)

    def calls(self) -> list[list[str]]:
        log = self.prefix / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def behave(self, **how: Any) -> None:
        (self.prefix / "behave.json").write_text(json.dumps(how))

    def env(self, name: str) -> Path:
        return self.prefix / "envs" / name

    def generations(self, name: str) -> list[str]:
        folder = self.prefix / "envs/.generations"
        return sorted(p.name for p in folder.glob(f"{name}-*") if p.is_dir())


def host_channel(root: Path) -> TinyChannel:
    """Packages that make a prefix in which Python and pip really run: this machine's."""
    import importlib.metadata

    channel = TinyChannel(root)
    version = ".".join(str(part) for part in sys.version_info[:3])
    short = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    real = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    channel.add(
        "python",
        version,
        "h1_0",
        files={"pyvenv.cfg": f"home = {real.parent}\n", f"lib/{short}/site-packages/README": ""},
        links={"bin/python": str(real)},
    )
    pip = importlib.metadata.distribution("pip")
    files = {
        f"lib/{short}/site-packages/{path}": Path(str(path.locate())).read_bytes()
        for path in pip.files or []
        if ".." not in path.parts and "__pycache__" not in path.parts
    }
    channel.add("pip", pip.version, "py_0", depends=["python"], files=files)
    for number in ("1.0", "2.0"):
        channel.add("data", number, "h0_0", files={"share/data.txt": number, "share/more.txt": "m"})
    channel.index()
    return channel
