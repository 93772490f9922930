"""The command line, in conda's words."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from . import version
from .context import Context
from .errors import CondaError, CondaSystemExit, show

__all__ = ["main"]


def _common(
    parser: argparse.ArgumentParser,
    *,
    prefix: bool = True,
    channels: bool = False,
    change: bool = False,
) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-v", "--verbose", action="count")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--console")
    if prefix:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("-n", "--name")
        group.add_argument("-p", "--prefix")
    if channels:
        parser.add_argument("-c", "--channel", action="append")
        parser.add_argument("--override-channels", action="store_true")
        parser.add_argument("--use-local", action="store_true")
        parser.add_argument("--strict-channel-priority", action="store_true")
        parser.add_argument("--no-channel-priority", action="store_true")
        parser.add_argument("-k", "--insecure", action="store_true")
        parser.add_argument("--offline", action="store_true")
        parser.add_argument("-C", "--use-index-cache", action="store_true")
        parser.add_argument("--repodata-fn", action="append")
        parser.add_argument("--experimental")
        parser.add_argument("--solver")
        parser.add_argument("--platform", "--subdir")
    if change:
        parser.add_argument("-d", "--dry-run", action="store_true")
        parser.add_argument("-y", "--yes", action="store_true")
    return parser


def _packages(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _common(parser, channels=True, change=True)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--file", "-f", action="append")
    for flag in (
        "--copy",
        "--download-only",
        "--no-deps",
        "--only-deps",
        "--freeze-installed",
        "--force-reinstall",
        "--no-default-packages",
        "--no-pin",
        "--show-channel-urls",
        "--all",
        "--override-frozen",
        "--no-shortcuts",
    ):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--clone")
    return parser


def _env(commands: Any) -> None:
    env = commands.add_parser("env").add_subparsers(dest="env_command")
    for name in ("create", "update"):
        parser = _common(env.add_parser(name), channels=True, change=True)
        parser.add_argument("-f", "--file", default="environment.yml")
        parser.add_argument("--prune", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--no-default-packages", action="store_true")
    _export(env.add_parser("export"))
    _common(env.add_parser("list"), prefix=False)
    _common(env.add_parser("remove"), channels=True, change=True)


def _export(parser: argparse.ArgumentParser) -> None:
    _common(parser, channels=True)
    parser.add_argument("-f", "--file")
    parser.add_argument("--from-history", action="store_true")
    parser.add_argument("--no-builds", action="store_true")
    parser.add_argument("--ignore-channels", action="store_true")
    parser.add_argument("--format")


def _config(parser: argparse.ArgumentParser) -> None:
    _common(parser, prefix=False)
    parser.add_argument("--system", action="store_true")
    parser.add_argument("--env", action="store_true")
    parser.add_argument("--file", dest="config_file")
    parser.add_argument("--show", nargs="*")
    parser.add_argument("--show-sources", action="store_true")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--describe", nargs="*")
    parser.add_argument("--get", nargs="*")
    parser.add_argument("--force", "-f", action="store_true")
    for flag in ("--append", "--set", "--remove"):
        parser.add_argument(flag, nargs=2, action="append")
    parser.add_argument("--prepend", "--add", nargs=2, action="append", dest="add")
    parser.add_argument("--remove-key", action="append")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conda",
        description=f"conda {version()}, a stand-in "
        "written on py-rattler for machines without the vendor's",
    )
    parser.add_argument("-V", "--version", action="version", version=f"conda {version()}")
    parser.add_argument("--no-plugins", action="store_true")
    commands = parser.add_subparsers(dest="command")
    for name in ("create", "install", "update", "upgrade"):
        _packages(commands.add_parser(name))
    for name in ("remove", "uninstall"):
        remove = _packages(commands.add_parser(name))
        remove.add_argument("--force-remove", "--force", action="store_true")
    _env(commands)
    _export(commands.add_parser("export"))
    _config(commands.add_parser("config"))
    listing = _common(commands.add_parser("list"))
    listing.add_argument("regex", nargs="?")
    for flag in (
        "--explicit",
        "--sha256",
        "--md5",
        "--no-pip",
        "--show-channel-urls",
        "--revisions",
    ):
        listing.add_argument(flag, action="store_true")
    listing.add_argument("-e", "--export", action="store_true")
    listing.add_argument("-f", "--full-name", action="store_true")
    listing.add_argument("-c", "--canonical", action="store_true")
    info = _common(commands.add_parser("info"))
    for flag in ("--base", "--unsafe-channels"):
        info.add_argument(flag, action="store_true")
    for short, flag in (("-e", "--envs"), ("-a", "--all"), ("-s", "--system")):
        info.add_argument(short, flag, action="store_true")
    search = _common(commands.add_parser("search"), channels=True)
    search.add_argument("match_spec", nargs="?")
    search.add_argument("-i", "--info", action="store_true")
    run = _common(commands.add_parser("run"))
    run.add_argument("--no-capture-output", "--live-stream", "-s", action="store_true")
    run.add_argument("--cwd")
    run.add_argument("executable_call", nargs=argparse.REMAINDER)
    clean = _common(commands.add_parser("clean"), prefix=False, change=True)
    for short, flag in (
        ("-a", "--all"),
        ("-p", "--packages"),
        ("-t", "--tarballs"),
        ("-i", "--index-cache"),
        ("-c", "--tempfiles"),
        ("-l", "--logfiles"),
        ("-f", "--force-pkgs-dirs"),
    ):
        clean.add_argument(short, flag, action="store_true")
    tos = _common(commands.add_parser("tos"), channels=True, prefix=False)
    tos.add_argument("tos_action", nargs="?", choices=["accept", "reject", "view", "list"])
    init = _common(commands.add_parser("init"), prefix=False, change=True)
    init.add_argument("shells", nargs="*")
    return parser


def _dispatch(options: dict[str, Any]) -> int:
    # Imported here: `--version` and `config` need neither rattler nor the rest.
    context = Context(options)
    command = options["command"]
    if options.get("platform"):
        os.environ["CONDA_SUBDIR"] = options["platform"]
    if command in (
        "create",
        "install",
        "update",
        "upgrade",
        "remove",
        "uninstall",
        "search",
        "clean",
    ):
        from . import packages, upkeep

        match command:
            case "create":
                packages.create(context)
            case "install":
                packages.install(context)
            case "update" | "upgrade":
                packages.install(context, update=True)
            case "remove" | "uninstall":
                packages.remove(context)
            case "search":
                upkeep.search_command(context)
            case _:
                upkeep.clean(context)
    elif command in ("env", "export"):
        from . import envs

        actions = {
            "create": envs.env_create,
            "update": envs.env_update,
            "export": envs.env_export,
            "list": envs.env_list,
            "remove": envs.env_remove,
        }
        name = "export" if command == "export" else options.get("env_command")
        if name not in actions:
            raise CondaError("ArgumentError", "conda env: a subcommand is required", code=2)
        actions[name](context)
    elif command in ("list", "info"):
        from .show import info, list_packages

        (list_packages if command == "list" else info)(context)
    elif command == "config":
        from .configure import config

        config(context)
    elif command == "run":
        from .activate import run

        return run(context)
    elif command == "tos":
        from .tos import tos_command

        tos_command(context)
    elif command == "init":
        sys.stdout.write("no change\n")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in given
    try:
        if given and given[0].startswith("shell."):
            from .activate import shell

            shell(Context({}), given[1:])
            return 0
        parser = _parser()
        options = vars(parser.parse_args(given))
        if not options["command"]:
            parser.print_help()
            return 0
        return _dispatch(options)
    except CondaSystemExit as stop:
        sys.stdout.write(f"\nCondaSystemExit: {stop}\n\n")
        return 0
    except CondaError as error:
        show(error, as_json=as_json)
        if "Unsatisfiable" in error.name and os.environ.get("CONDA_STANDIN_CRASH"):
            sys.stdout.flush()
            os.abort()  # conda's rattler solver sometimes ends so
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("\nCondaError: KeyboardInterrupt\n\n")
        return 1
