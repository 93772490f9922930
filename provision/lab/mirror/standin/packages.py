"""`conda create`, `install`, `update` and `remove`."""

from __future__ import annotations

import sys
from pathlib import Path

from .context import Context
from .environment import read_records, spec_name
from .errors import CondaError
from .model import Package
from .output import write_json
from .planning import apply_specs, run_explicit
from .prefixes import make_way, remove_prefix, say_how_to_activate
from .tos import require_terms
from .transaction import Transaction, confirm
from .wanted import asked_for

__all__ = ["create", "install", "remove", "take_away"]


def _finish(context: Context, transaction: Transaction) -> None:
    if context.json:
        if context.options.get("dry_run"):
            write_json(
                {
                    "actions": transaction.actions(),
                    "dry_run": True,
                    "prefix": str(transaction.prefix),
                    "success": True,
                }
            )
            return
    elif not transaction.empty:
        sys.stdout.write(transaction.describe())
    if context.options.get("dry_run"):
        raise CondaError("DryRunExit", "Dry run. Exiting.", code=0)
    if transaction.empty and (transaction.prefix / "conda-meta/history").is_file():
        if context.json:
            write_json({"message": "All requested packages already installed.", "success": True})
        else:
            sys.stdout.write("\n# All requested packages already installed.\n\n")
        return
    confirm(context, "Proceed")
    if not context.json:
        sys.stdout.write("\nDownloading and Extracting Packages:\n\nPreparing transaction: done\n")
    transaction.run()
    if context.json:
        write_json(
            {"actions": transaction.actions(), "prefix": str(transaction.prefix), "success": True}
        )
    else:
        sys.stdout.write("Verifying transaction: done\nExecuting transaction: done\n")


def create(context: Context) -> None:
    """`conda create`."""
    if not (context.options.get("prefix") or context.options.get("name")):
        raise CondaError(
            "ArgumentError", "one of the arguments -n/--name -p/--prefix is required", code=1
        )
    prefix = context.target(must_exist=False)
    if " " in str(prefix) and not context.json:
        sys.stderr.write(
            f"WARNING: A space was detected in your requested environment path:\n'{prefix}'\n"
        )
    specs, explicit = asked_for(context)
    make_way(context, prefix)
    if explicit:
        run_explicit(context, prefix, explicit)  # with --json this prints nothing, like conda
        return
    if context.options.get("clone"):
        _clone(context, prefix)
        return
    if not context.options.get("no_default_packages"):
        named = {spec_name(spec) for spec in specs}
        specs += [
            str(spec)
            for spec in context.setting("create_default_packages")
            if spec_name(str(spec)) not in named
        ]
    channels = context.channels()
    require_terms(context, channels)
    transaction = (
        apply_specs(context, prefix, specs, channels=channels)
        if specs
        else Transaction(context, prefix)
    )
    _finish(context, transaction)
    if not context.json:
        sys.stdout.write(say_how_to_activate(context, prefix))


def _clone(context: Context, prefix: Path) -> None:
    given = str(context.options["clone"])
    source = Path(given) if "/" in given else context.locate(given)
    if source is None or not source.is_dir():
        raise CondaError("EnvironmentNameNotFound", f"Could not find conda environment: {given}")
    packages = [
        Package(record["url"], record.get("sha256", ""), record.get("md5", ""))
        for record in read_records(source)
    ]
    run_explicit(context, prefix, packages)


def install(context: Context, *, update: bool = False) -> None:
    """`conda install` and `conda update`."""
    prefix = context.changeable()
    specs, explicit = asked_for(context)
    if explicit:
        run_explicit(context, prefix, explicit)
        return
    if not specs and not context.options.get("all"):
        if update:
            raise CondaError(
                "CondaValueError",
                "no package names supplied\n# Example: conda update -n myenv scipy\n",
            )
        raise CondaError(
            "CondaValueError", "too few arguments, must supply command line package specs or --file"
        )
    if update:
        present = {record["name"] for record in read_records(prefix)}
        absent = [spec for spec in specs if spec_name(spec) not in present]
        if absent:
            raise CondaError(
                "PackageNotInstalledError",
                f"Package is not installed in prefix.\n  prefix: {prefix}\n"
                f"  package name: {absent[0]}\n",
            )
    channels = context.channels()
    require_terms(context, channels)
    _finish(context, apply_specs(context, prefix, specs, channels=channels, update=update))


def remove(context: Context) -> None:
    """`conda remove`; `--all` takes the environment away."""
    prefix = context.changeable()
    names = [spec_name(spec) for spec in context.options.get("packages") or []]
    records = read_records(prefix)
    if context.options.get("all"):
        take_away(context, prefix)
        return
    if not names:
        raise CondaError(
            "CondaValueError",
            'no package names supplied,\n       try "conda remove -h" for more details',
        )
    present = {record["name"] for record in records}
    missing = [name for name in names if name not in present]
    if missing:
        raise CondaError(
            "PackagesNotFoundError",
            "The following packages are missing from the target environment:\n"
            + "".join(f"  - {name}\n" for name in missing),
            packages=missing,
        )
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
    transaction = Transaction(
        context, prefix, (), [record for record in records if record["name"] in gone], (), names
    )
    _finish(context, transaction)


def take_away(context: Context, prefix: Path) -> None:
    """`conda env remove` and `conda remove --all`: without a yes, silence is a no."""
    if prefix.resolve() == context.root.resolve():
        raise CondaError(
            "CondaEnvironmentError",
            "cannot remove root environment, add -n NAME or -p PREFIX option",
        )
    if not context.json:
        sys.stdout.write(f"\nRemove all packages in environment {prefix}:\n\n")
    confirm(
        context,
        f"Everything found within the environment ({prefix}), including any conda environment "
        "configurations and any non-conda files, will be deleted. Do you wish to continue?\n",
        default="no",
    )
    if not context.options.get("dry_run"):
        remove_prefix(prefix)
    if context.json:
        write_json({"success": True, "actions": {"PREFIX": str(prefix)}})
