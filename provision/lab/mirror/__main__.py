"""`python -m provision.lab.mirror build | serve --dir DIR --address A --port P`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from provision.errors import ProvisionError
from provision.lab.mirror.builds import build
from provision.lab.mirror.daemon import serve

__all__ = ["main"]


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m provision.lab.mirror", description="The lab's offline mirror"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build channel and installers, print their folder")
    serving = commands.add_parser("serve", help="serve in the foreground")
    serving.add_argument("--dir", type=Path, required=True, help="state: log, faults, mirror.json")
    serving.add_argument("--address", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=8800, help="0: any free one")
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            built = build(progress=_progress)
            sys.stdout.write(f"{built.folder}\n")
        else:
            serve(options.dir.absolute(), options.address, options.port)
    except ProvisionError as error:
        sys.stderr.write(f"{error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
