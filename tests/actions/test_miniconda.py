"""miniconda on this machine, with an installer of a few lines behind a real HTTP server."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from provision.actions.base import Outcome
from provision.conda.installer import installer
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost

SCRIPT = r"""#!/bin/sh
# installs VERSION
update=0
while getopts "bfup:" x; do
    case "$x" in p) prefix=$OPTARG ;; u) update=1 ;; esac
done
echo "VERSION $*" >>"LOG"
if [ -e "$prefix" ] && [ "$update" = 0 ]; then
    echo "ERROR: File or directory already exists" >&2
    exit 1
fi
mkdir -p "$prefix/bin" "$prefix/conda-meta" "$prefix/pkgs" "$prefix/share"
[ -e "STOP" ] && { echo "ERROR: no space left" >&2; exit 1; }
rm -f "$prefix"/conda-meta/conda-*.json "$prefix/bin/python"
printf '#!/bin/sh\nexec python3 "$@"\n' >"$prefix/bin/python"
printf '#!/bin/sh\necho "$@" >>"LOG"\n' >"$prefix/bin/conda"
chmod +x "$prefix/bin/python" "$prefix/bin/conda"
echo data >"$prefix/share/data.txt"
printf '{"name": "conda", "version": "VERSION", "build": "0", "files": ["%s", "%s"]}' \
    bin/conda share/data.txt >"$prefix/conda-meta/conda-VERSION-0.json"
printf '{"name": "python", "version": "3.11.2", "build": "0", "files": ["bin/python"]}' \
    >"$prefix/conda-meta/python-3.11.2-0.json"
echo "==> now <==" >"$prefix/conda-meta/history"
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Vendor:
    """Installers in a folder, served; `log` has a line for each run."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.log = folder / "log"
        self.stop = folder / "stop"
        for version in ("26.7.1-1", "24.11.1-0"):
            self.publish(version)

    def publish(self, version: str) -> Path:
        text = SCRIPT.replace("VERSION", version.partition("-")[0])
        text = text.replace("LOG", str(self.log)).replace("STOP", str(self.stop))
        path = self.folder / f"Miniconda3-py311_{version}-Linux-x86_64.sh"
        path.write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
        return path

    def runs(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    folder = tmp_path / "vendor"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Vendor(folder, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


class Case:
    def __init__(self, host: ActionHost, prefix: Path, vendor: Vendor) -> None:
        self.host = host
        self.prefix = prefix
        self.vendor = vendor

    def run(self, *, check: bool = False, **args: Any) -> Outcome:
        args = {
            "version": "26.7.1-1",
            "python": "py311",
            "prefix": str(self.prefix),
            "mirror": self.vendor.url,
            **args,
        }
        return self.host.run("miniconda", check=check, **args)

    def left(self) -> list[str]:
        """Names beside the prefix that are neither it nor locks."""
        names = (path.name for path in self.prefix.parent.iterdir())
        return sorted(n for n in names if not n.endswith(("lock", "installer")))


@pytest.fixture
def case(here: ActionHost, tmp_path: Path, vendor: Vendor) -> Case:
    (tmp_path / "opt").mkdir()
    return Case(here, tmp_path / "opt/miniconda3", vendor)


def test_it_is_installed_and_then_left_alone(case: Case) -> None:
    seen = case.run(check=True)
    assert seen.status == "changed"
    assert {"key": "state", "before": None, "after": "present"} in seen.diff
    assert not case.prefix.exists()
    done = case.run()
    assert done.status == "changed", done.msg
    assert case.vendor.runs() == [f"26.7.1 -b -p {case.prefix}"]
    assert yaml.safe_load((case.prefix / ".condarc").read_text()) == {"channels": ["conda-forge"]}
    assert case.left() == ["miniconda3"]
    again = case.run()
    assert (again.status, again.data["version"]) == ("ok", "26.7.1")
    assert len(case.vendor.runs()) == 1


def test_a_wrong_hash_is_never_run(case: Case) -> None:
    done = case.run(sha256="0" * 64)
    assert done.status == "failed"
    assert "is not what was promised" in done.msg
    assert case.vendor.runs() == []
    assert case.left() == []


def test_a_missing_installer_is_named(case: Case) -> None:
    done = case.run(version="25.1.1-0")
    assert done.status == "failed"
    assert "HTTP 404" in done.msg
    assert case.left() == []


def test_an_installer_that_fails_leaves_nothing(case: Case) -> None:
    case.vendor.stop.touch()
    done = case.run()
    assert done.status == "failed"
    assert "no space left" in done.msg
    assert case.left() == []
    case.vendor.stop.unlink()
    assert case.run().status == "changed"


def test_a_half_made_prefix_is_made_anew(case: Case) -> None:
    (case.prefix / "pkgs").mkdir(parents=True)
    (case.prefix / "pkgs/urls").touch()
    seen = case.run(check=True)
    problems = next(d for d in seen.diff if d["key"] == "problems")
    assert "conda-meta/history is missing" in problems["before"]
    assert case.run().status == "changed"
    assert case.vendor.runs() == [f"26.7.1 -b -p {case.prefix}"]
    assert case.run().status == "ok"


def test_a_killed_installation_is_taken_up(case: Case) -> None:
    case.run()
    (case.prefix.parent / ".miniconda3.provision-installing").write_text("{}")
    assert "did not end" in str(case.run(check=True).diff)
    assert case.run().status == "changed"
    assert case.run().status == "ok"


def test_a_broken_prefix_with_environments_is_repaired_in_place(case: Case) -> None:
    case.run()
    keep = case.prefix / "envs/mine/keep"
    keep.parent.mkdir(parents=True)
    keep.write_text("kept")
    (case.prefix / "bin/python").write_text("#!/bin/sh\nexit 3\n")
    (case.prefix / "share/data.txt").unlink()
    seen = case.run(check=True)
    problems = next(d for d in seen.diff if d["key"] == "problems")
    assert "bin/python does not run" in problems["before"]
    assert "share/data.txt" in problems["before"]
    assert case.run().status == "changed"
    assert keep.read_text() == "kept"
    assert case.vendor.runs()[-1].endswith("-u")
    assert case.run().status == "ok"


def test_a_damaged_record_is_seen(case: Case) -> None:
    case.run()
    (case.prefix / "conda-meta/python-3.11.2-0.json").write_text("{")
    assert "python-3.11.2-0.json is damaged" in str(case.run(check=True).diff)
    assert case.run().status == "changed"


def test_a_missing_file_is_seen_when_asked_for(case: Case) -> None:
    case.run()
    (case.prefix / "share/data.txt").unlink()
    assert case.run(check=True).status == "ok"
    assert "share/data.txt" in str(case.run(check=True, check_level="files").diff)


def test_upgrade_but_no_downgrade(case: Case) -> None:
    case.run(version="24.11.1-0")
    seen = case.run(check=True)
    assert [d for d in seen.diff if d["key"] == "version"] == [
        {"key": "version", "before": "24.11.1", "after": "26.7.1"}
    ]
    assert case.run().data["version"] == "26.7.1"
    assert case.run(version="24.11.1-0").status == "ok"


def test_rc_keys_owner_and_mode(case: Case) -> None:
    done = case.run(pkgs_dirs=["/data/pkgs"], mode="0750", channels=["team", "conda-forge"])
    assert done.status == "changed"
    assert case.prefix.stat().st_mode & 0o777 == 0o750
    rc = yaml.safe_load((case.prefix / ".condarc").read_text())
    assert rc == {"channels": ["team", "conda-forge"], "pkgs_dirs": ["/data/pkgs"]}
    diff = case.run(pkgs_dirs=["/big/pkgs"], mode="0750", channels=["team"]).diff
    assert {d["key"] for d in diff} == {"rc.channels", "rc.pkgs_dirs"}
    assert len([run for run in case.vendor.runs() if " -b " in run]) == 1


def test_terms_are_accepted_only_on_request_and_recorded(case: Case) -> None:
    with pytest.raises(PlaybookError, match="terms of service"):
        case.run(channels=["defaults"])
    done = case.run(channels=["defaults"], accept_defaults_terms=True)
    assert done.status == "changed"
    accepted = [run for run in case.vendor.runs() if run.startswith("tos accept")]
    assert len(accepted) == 2
    note = json.loads((case.prefix / "conda-meta/provision.record").read_text())
    assert len(note["terms"]) == 2
    assert case.run(channels=["defaults"], accept_defaults_terms=True).status == "ok"


def test_an_installer_of_the_project_is_sent(case: Case) -> None:
    path = case.vendor.publish("26.7.1-1")
    (case.host.project / "files").mkdir()
    (case.host.project / "files/miniconda.sh").write_bytes(path.read_bytes())
    done = case.run(installer="miniconda.sh", mirror=None)
    assert done.status == "changed", done.msg
    with pytest.raises(PlaybookError, match="is not the installer"):
        case.run(installer="miniconda.sh", sha256="0" * 64)


def test_what_is_no_miniconda_is_left_alone(case: Case) -> None:
    case.prefix.mkdir()
    (case.prefix / "thesis.tex").write_text("years of work")
    for state in ("present", "absent"):
        done = case.run(state=state)
        assert done.status == "failed"
        assert "is no Miniconda" in done.msg
    assert (case.prefix / "thesis.tex").read_text() == "years of work"


def test_absent(case: Case) -> None:
    case.run()
    assert case.run(state="absent", check=True).status == "changed"
    assert case.run(state="absent").status == "changed"
    assert not case.prefix.exists()
    assert case.run(state="absent").status == "ok"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"version": None}, "needs 'version'"),
        ({"version": "latest"}, "is no release"),
        ({"prefix": "opt"}, "cannot be a prefix"),
        ({"prefix": "/opt/mini conda"}, "cannot be a prefix"),
        ({"python": "three"}, "is no Python"),
        ({"sha256": "abc"}, "is no SHA-256"),
    ],
)
def test_input_errors(case: Case, args: dict[str, Any], message: str) -> None:
    with pytest.raises(PlaybookError, match=message):
        case.run(**args)


def test_names_and_addresses() -> None:
    digest = "a" * 64
    found = installer("26.7.1-1", "x86_64", python="3.12", sha256=digest)
    assert found.name == "Miniconda3-py312_26.7.1-1-Linux-x86_64.sh"
    assert found.url.endswith("/miniconda/" + found.name)
    forge = installer("26.7.1-1", "aarch64", distribution="miniforge")
    assert forge.name == "Miniforge3-26.7.1-1-Linux-aarch64.sh"
    assert forge.url.endswith("/26.7.1-1/" + forge.name)
    assert forge.sha256_url == forge.url + ".sha256"
    with pytest.raises(PlaybookError, match="SHA-256 of Miniconda3-py313"):
        installer("26.7.1-1", "x86_64")
    with pytest.raises(PlaybookError, match="no installer for mips"):
        installer("26.7.1-1", "mips", sha256=digest)
