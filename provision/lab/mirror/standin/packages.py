"""`conda create`, `install`, `update`, `remove`, `search` and `clean`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from .cache import PackageCache
from .context import Context
from .environment import read_records, requested, spec_name
from .errors import CondaError, CondaSystemExit
from .explicit import is_explicit, parse_explicit, parse_url
from .model import Package
from .solver import search, solve
from .tos import require_terms
from .transaction import Transaction, confirm

__all__ = ["apply_specs", "clean", "create", "install", "remove", "search_command"]


def _write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


def _specs(context: Context) -> tuple[list[str], list[Package]]:
    """What the command line and its --file ask for: specs, or explicit packages."""
    specs = [spec.strip() for spec in context.options.get("packages") or []]
    explicit = [parse_url(spec) for spec in specs if "://" in spec and "::" not in spec]
    specs = [spec for spec in specs if not ("://" in spec and "::" not in spec)]
    for name in context.options.get("file") or []:
        path = Path(name)
        if not path.is_file():
            raise CondaError("CondaFileIOError",
                             f"'{name}'. [Errno 2] No such file or directory: '{name}'")
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.suffix in (".yml", ".yaml"):
            raise CondaError("CondaValueError", "Cannot use an environment.yml file here; "
                                                "use conda env create")
        if is_explicit(lines):
            explicit += parse_explicit(lines)
        else:
            specs += [line.partition("#")[0].strip() for line in lines
                      if line.partition("#")[0].strip()]
    if explicit and specs:
        raise CondaError("ArgumentError",
                         "cannot mix specifications with conda package filenames")
    return specs, explicit


def run_explicit(context: Context, prefix: Path, packages: list[Package]) -> None:
    """Installs exactly those archives: no solve, no dependencies."""
    if not packages:
        raise CondaError("CondaValueError", "No package URLs in the explicit file")
    names: dict[str, Package] = {package.name: package for package in packages}
    remove = [record for record in (read_records(prefix) if prefix.is_dir() else [])
              if record["name"] in names
              and (record.get("fn") != names[record["name"]].filename
                   or record.get("url") != names[record["name"]].url)]
    installed = {record["url"] for record in read_records(prefix)} if prefix.is_dir() else set()
    install = [package for package in names.values() if package.url not in installed]
    for folder, package in zip(PackageCache(context.pkgs_dirs, offline=context.offline)
                               .fetch(install), install, strict=True):
        package.record = json.loads((folder / "info/index.json").read_text())
    specs = [f"{context.canonical(item.channel_url)}/{item.subdir}::"
             f"{item.name}=={item.version}={item.build}" for item in names.values()]
    Transaction(context, prefix, install, remove, specs).run()


def apply_specs(
    context: Context,
    prefix: Path,
    specs: list[str],
    *,
    channels: list[str],
    update: bool = False,
    prune: bool = False,
) -> Transaction:
    """A transaction that brings `prefix` to `specs` beside what it was asked for before."""
    installed = read_records(prefix) if prefix.is_dir() else []
    history = requested(prefix)
    wanted = {spec_name(spec): spec for spec in specs}
    kept = {} if prune else {name: spec for name, spec in history.items() if name not in wanted}
    present = {record["name"] for record in installed}
    kept = {name: spec for name, spec in kept.items() if name in present}
    pins = [str(pin) for pin in context.setting("pinned_packages")]
    pinned = prefix / "conda-meta/pinned"
    if pinned.is_file():
        pins += [line.strip() for line in pinned.read_text().splitlines()
                 if line.strip() and not line.startswith("#")]
    pins = [pin for pin in pins if spec_name(pin) in {*wanted, *kept, *present}]
    names = set(wanted)
    locked = [record for record in installed
              if not (update and (not specs or record["name"] in names))]
    solved = solve(context, [*wanted.values(), *(_loose(spec) for spec in kept.values()), *pins],
                   channels, installed=locked, freeze=bool(context.options.get("freeze_installed")))
    if context.options.get("no_deps"):
        solved = [package for package in solved if package.name in names]
    if context.options.get("only_deps"):
        solved = [package for package in solved if package.name not in names]
    by_name = {package.name: package for package in solved}
    have = {record["name"]: record for record in installed}
    same = {name for name, package in by_name.items()
            if name in have and have[name].get("fn", "").rsplit("-", 1)[0]
            == package.filename.rsplit("-", 1)[0]
            and have[name]["build"] == package.build
            and have[name]["channel"] == package.channel_url}
    if context.options.get("force_reinstall"):
        same -= names
    install = [package for name, package in by_name.items() if name not in same]
    gone = [record for name, record in have.items()
            if (name in by_name and name not in same)
            or (name not in by_name and (prune or not context.options.get("no_deps")))]
    return Transaction(context, prefix, install, gone, specs)


def _loose(spec: str) -> str:
    """A spec of the history: kept by name only, when it was an exact one of a channel."""
    return spec.rpartition("::")[2] if "/" in spec.partition("::")[0] else spec


def _finish(context: Context, transaction: Transaction) -> None:
    if context.json:
        if context.options.get("dry_run"):
            _write_json({"actions": transaction.actions(), "dry_run": True,
                         "prefix": str(transaction.prefix), "success": True})
            return
    elif not transaction.empty:
        sys.stdout.write(transaction.describe())
    if context.options.get("dry_run"):
        raise CondaError("DryRunExit", "Dry run. Exiting.", code=0)
    if transaction.empty and (transaction.prefix / "conda-meta/history").is_file():
        if context.json:
            _write_json({"message": "All requested packages already installed.",
                         "success": True})
        else:
            sys.stdout.write("\n# All requested packages already installed.\n\n")
        return
    confirm(context, "Proceed")
    if not context.json:
        sys.stdout.write("\nDownloading and Extracting Packages:\n\nPreparing transaction: done\n")
    transaction.run()
    if context.json:
        _write_json({"actions": transaction.actions(), "prefix": str(transaction.prefix),
                     "success": True})
    else:
        sys.stdout.write("Verifying transaction: done\nExecuting transaction: done\n")


def create(context: Context) -> None:
    """`conda create`."""
    if not (context.options.get("prefix") or context.options.get("name")):
        raise CondaError("ArgumentError",
                         "one of the arguments -n/--name -p/--prefix is required", code=1)
    prefix = context.target(must_exist=False)
    if prefix.resolve() == context.root.resolve():
        raise CondaError("CondaValueError", "The target prefix is the base prefix. Aborting.")
    if " " in str(prefix) and not context.json:
        sys.stderr.write(f"WARNING: A space was detected in your requested environment path:\n"
                         f"'{prefix}'\n")
    specs, explicit = _specs(context)
    if prefix.is_dir() and any(prefix.iterdir()):
        if not (prefix / "conda-meta/history").is_file():
            raise CondaError(
                "DirectoryNotACondaEnvironmentError" if not context.setting("always_yes")
                else "CondaValueError",
                "The target directory exists, but it is not a conda environment.\n"
                f"  target directory: {prefix}\n", prefix=str(prefix))
        confirm(context, f"WARNING: A conda environment already exists at '{prefix}'\n\n"
                         "Remove existing environment?\nThis will remove ALL directories "
                         "contained within this specified prefix directory, including any "
                         "other conda environments.\n\n", default="no")
        if not context.options.get("dry_run"):
            shutil.rmtree(prefix)
    if explicit:
        run_explicit(context, prefix, explicit)  # with --json this prints nothing, like conda
        return
    if context.options.get("clone"):
        _clone(context, prefix)
        return
    if not context.options.get("no_default_packages"):
        named = {spec_name(spec) for spec in specs}
        specs += [str(spec) for spec in context.setting("create_default_packages")
                  if spec_name(str(spec)) not in named]
    channels = context.channels()
    require_terms(context, channels)
    transaction = (apply_specs(context, prefix, specs, channels=channels) if specs
                   else Transaction(context, prefix))
    _finish(context, transaction)
    if not context.json:
        name = context.name_of(prefix)
        sys.stdout.write("#\n# To activate this environment, use\n#\n"
                         f"#     $ conda activate {name}\n#\n"
                         "# To deactivate an active environment, use\n#\n"
                         "#     $ conda deactivate\n\n")


def _clone(context: Context, prefix: Path) -> None:
    given = str(context.options["clone"])
    source = Path(given) if "/" in given else context.locate(given)
    if source is None or not source.is_dir():
        raise CondaError("EnvironmentNameNotFound", f"Could not find conda environment: {given}")
    packages = [Package(record["url"], record.get("sha256", ""), record.get("md5", ""))
                for record in read_records(source)]
    run_explicit(context, prefix, packages)


def install(context: Context, *, update: bool = False) -> None:
    """`conda install` and `conda update`."""
    prefix = context.target()
    specs, explicit = _specs(context)
    if explicit:
        run_explicit(context, prefix, explicit)
        return
    if not specs and not context.options.get("all"):
        if update:
            raise CondaError("CondaValueError",
                             "no package names supplied\n# Example: conda update -n myenv scipy\n")
        raise CondaError("CondaValueError", "too few arguments, must supply command line package "
                                            "specs or --file")
    if update:
        present = {record["name"] for record in read_records(prefix)}
        absent = [spec for spec in specs if spec_name(spec) not in present]
        if absent:
            raise CondaError("PackageNotInstalledError",
                             f"Package is not installed in prefix.\n  prefix: {prefix}\n"
                             f"  package name: {absent[0]}\n")
    channels = context.channels()
    require_terms(context, channels)
    _finish(context, apply_specs(context, prefix, specs, channels=channels, update=update))


def remove(context: Context) -> None:
    """`conda remove`; `--all` takes the environment away."""
    prefix = context.target()
    names = [spec_name(spec) for spec in context.options.get("packages") or []]
    records = read_records(prefix)
    if context.options.get("all"):
        if prefix.resolve() == context.root.resolve():
            raise CondaError("CondaSystemExit",
                             "cannot remove root environment, add -n NAME or -p PREFIX option")
        confirm(context, f"Remove all packages in environment {prefix}?")
        if not context.options.get("dry_run"):
            shutil.rmtree(prefix)
        if context.json:
            _write_json({"success": True, "actions": {"PREFIX": str(prefix)}})
        return
    if not names:
        raise CondaError("CondaValueError", "no package names supplied,\n"
                                            "       try \"conda remove -h\" for more details")
    present = {record["name"] for record in records}
    missing = [name for name in names if name not in present]
    if missing:
        raise CondaError("PackagesNotFoundError",
                         "The following packages are missing from the target environment:\n"
                         + "".join(f"  - {name}\n" for name in missing), packages=missing)
    gone = set(names)
    if not context.options.get("force_remove"):
        grown = True
        while grown:
            grown = False
            for record in records:
                needs = {spec_name(spec) for spec in record.get("depends", [])}
                if record["name"] not in gone and needs & gone:
                    gone.add(record["name"])
                    grown = True
    transaction = Transaction(context, prefix, (),
                              [record for record in records if record["name"] in gone],
                              (), names)
    _finish(context, transaction)


def search_command(context: Context) -> None:
    """`conda search [--json]`."""
    spec = (context.options.get("match_spec") or "*").strip()
    channels = context.channels()
    require_terms(context, channels)
    found = search(context, spec, channels)
    if not found:
        listed = "\n".join(f"  - {channel}" for channel in channels)
        raise CondaError("PackagesNotFoundError",
                         "The following packages are not available from current channels:\n\n"
                         f"  - {spec}\n\nCurrent channels:\n\n{listed}\n",
                         packages=[spec], channel_urls=channels)
    if context.json:
        grouped: dict[str, list[dict[str, Any]]] = {}
        for package in found:
            grouped.setdefault(package.name, []).append(
                {**package.record, "fn": package.filename, "url": package.url,
                 "channel": package.channel_url, "subdir": package.subdir})
        _write_json(grouped)
        return
    sys.stdout.write(f"Loading channels: done\n# {'Name':<24} {'Version':>15} {'Build':>20}  "
                     "Channel\n")
    for package in found:
        sys.stdout.write(f"{package.name:<26} {package.version:>15} {package.build:>20}  "
                         f"{context.canonical(package.channel_url)}\n")


def clean(context: Context) -> None:
    """`conda clean`: --all, --packages, --tarballs, --index-cache."""
    everything = context.options.get("all")
    if not any(context.options.get(key) for key in ("all", "packages", "tarballs", "index_cache",
                                                    "tempfiles", "logfiles",
                                                    "force_pkgs_dirs")):
        raise CondaError("ArgumentError", "At least one removal target must be given. See 'conda "
                                          "clean --help'.")
    removed: list[str] = []
    for folder in context.pkgs_dirs:
        doomed: list[Path] = []
        if everything or context.options.get("tarballs"):
            doomed += [*folder.glob("*.conda"), *folder.glob("*.tar.bz2")]
        if everything or context.options.get("packages"):
            doomed += [path.parent.parent for path in folder.glob("*/info/index.json")
                       if not _in_use(path.parent.parent)]
        if everything or context.options.get("index_cache"):
            doomed += [path for path in (folder / "cache",) if path.exists()]
        for path in doomed:
            removed.append(str(path))
            if not context.options.get("dry_run"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
    if context.json:
        _write_json({"success": True, "removed": removed})
    else:
        sys.stdout.write(f"Will remove {len(removed)} file(s).\n")


def _in_use(folder: Path) -> bool:
    """Whether an environment still has hard links into an unpacked package."""
    return any(path.stat().st_nlink > 1 for path in folder.rglob("*")
               if path.is_file() and not path.is_symlink()
               and path.relative_to(folder).parts[0] != "info")


def exit_quietly(error: CondaSystemExit) -> None:
    sys.stdout.write(f"\nCondaSystemExit: {error}\n\n")
