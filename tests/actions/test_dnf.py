"""dnf, without a host that has it: stand-ins for rpm and dnf that keep a list of packages and
print what dnf 4.14 prints. What they print was written from its documented format, not recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.agent.mods.dnf import planned
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost

RPM = r"""#!/usr/bin/env python3
import fnmatch, pathlib, sys
db = pathlib.Path(__file__).with_name("db")
rows = [line.split() for line in db.read_text().splitlines()]
args = sys.argv[1:]
with open(db.with_name("log"), "a") as log: print("rpm", *args, file=log)
if "--whatprovides" in args:
    sys.exit(0 if args[-1] == "/usr/bin/vim" and any(r[0] == "vim" for r in rows) else 1)
names = args[args.index("--") + 1:] if "--" in args else ["*"]
code = 0
for name in names:
    hits = [r for r in rows if fnmatch.fnmatch(r[0], name) or name == f"{r[0]}-{r[1]}"]
    for n, v, r, a in hits: print(n, 0, v, r, a, sep="\t")
    if not hits: print(f"package {name} is not installed"); code = 1
sys.exit(code)
"""
DNF = r"""#!/usr/bin/env python3
import pathlib, sys
db = pathlib.Path(__file__).with_name("db")
rows = [line.split() for line in db.read_text().splitlines()]
args = sys.argv[1:]
with open(db.with_name("log"), "a") as log: print("dnf", *args, file=log)
words = [a for a in args if not a.startswith("-")]
verb, names = words[0], words[1:]
KNOWN = {"vim": "9.1 1.el9 x86_64", "tree": "2.0 2.el9 x86_64", "mc": "4.8 1.el9 x86_64"}
todo = []
for name in names:
    base = name.split("-")[0]
    here = [r for r in rows if r[0] == base]
    if verb in ("install", "upgrade"):
        if base not in KNOWN:
            print(f"Error: Unable to find a match: {name}", file=sys.stderr)
            print(f"No match for argument: {name}"); sys.exit(1)
        new = [base, *KNOWN[base].split()]
        if here != [new] and (here or verb == "install"): todo.append(("new", new))
    elif here: todo.append(("gone", here[0]))
if not todo: print("Dependencies resolved.\nNothing to do.\nComplete!"); sys.exit(0)
print("Dependencies resolved.\n" + "=" * 20 + "\n Package  Arch  Version  Repo  Size\n" + "=" * 20)
for kind, (n, v, r, a) in todo:
    print("Installing:" if kind == "new" else "Removing:")
    print(f" {n}    {a}    {v}-{r}    baseos    56 k")
print("\nTransaction Summary\n" + "=" * 20)
if "--assumeno" in args: print("Operation aborted."); sys.exit(1)
for kind, row in todo:
    rows = [r for r in rows if r[0] != row[0]] + ([row] if kind == "new" else [])
db.write_text("".join(" ".join(r) + "\n" for r in rows))
print("Complete!")
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ActionHost]:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("rpm", RPM), ("dnf", DNF)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "db").write_text("bash 5.1 9.el9 x86_64\ntree 1.8 10.el9 x86_64\n")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    made = ActionHost(tmp_path)
    yield made
    made.close()


def calls(tmp_path: Path, program: str) -> list[str]:
    lines = (tmp_path / "bin" / "log").read_text().splitlines()
    return [line for line in lines if line.startswith(program)]


def test_installing_and_removing(host: ActionHost) -> None:
    assert converges(host, "dnf", name=["vim", "mc"]) == {
        "mc.x86_64": (None, "4.8-1.el9"),
        "vim.x86_64": (None, "9.1-1.el9"),
    }
    assert converges(host, "dnf", name="vim", state="absent") == {"vim.x86_64": ("9.1-1.el9", None)}


def test_dnf_does_not_run_when_all_is_there(host: ActionHost, tmp_path: Path) -> None:
    assert host.run("dnf", name=["bash", "tree-1.8", "tree*"], state="installed").status == "ok"
    assert host.run("package", name="bash", use="dnf").status == "ok"
    assert calls(tmp_path, "dnf") == []


def test_the_latest_is_what_dnf_says(host: ActionHost) -> None:
    done = host.run("dnf", name="tree", state="latest")
    assert [(d["before"], d["after"]) for d in done.diff] == [("1.8-10.el9", "2.0-2.el9")]
    assert host.run("dnf", name="tree", state="latest").status == "ok"


def test_options_reach_dnf(host: ActionHost, tmp_path: Path) -> None:
    host.run("dnf", name="mc", enablerepo="epel", exclude=["a", "b"], disable_gpg_check=True)
    assert calls(tmp_path, "dnf") == [
        "dnf -y --enablerepo=epel --exclude=a --exclude=b --nogpgcheck install -- mc"
    ]


def test_a_file_that_a_package_provides(host: ActionHost) -> None:
    host.run("dnf", name="vim")
    assert host.run("dnf", name="/usr/bin/vim").status == "ok"


def test_an_unknown_package_is_named(host: ActionHost) -> None:
    for check in (True, False):
        outcome = host.run("dnf", name="nothing", check=check)
        assert (outcome.status, outcome.msg) == ("failed", "No package nothing available.")


def test_listing(host: ActionHost) -> None:
    results = host.run("dnf", list="installed").data["results"]
    assert [r["name"] for r in results] == ["bash", "tree"]
    assert results[0]["nevra"] == "bash-0:5.1-9.el9.x86_64"


def test_autoremove_is_for_absent(host: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="state: absent"):
        host.run("dnf", name="a", autoremove=True, state="latest")


def test_a_transaction_with_wrapped_lines() -> None:
    text = (
        "Dependencies resolved.\n====\n Package Arch Version Repository Size\n====\n"
        "Upgrading:\n"
        " a-package-with-a-name-that-is-rather-long\n"
        "              noarch   1:2.3-4.el9   appstream   12 k\n"
        "     replacing  old.noarch 1-1\n"
        "Installing dependencies:\n tree  x86_64  2.0-2.el9  baseos  56 k\n"
        "Removing unused dependencies:\n mc  x86_64  4.8-1.el9  @baseos  7 M\n"
        "\nTransaction Summary\n====\nInstall  1 Package\n"
    )
    assert planned(text) == {
        "a-package-with-a-name-that-is-rather-long.noarch": (None, "1:2.3-4.el9"),
        "tree.x86_64": (None, "2.0-2.el9"),
        "mc.x86_64": ("4.8-1.el9", None),
    }
