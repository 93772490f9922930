"""provision env diff."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from provision.cli.envs.asking import place_options
from provision.cli.playoptions import reach_options

if TYPE_CHECKING:
    from provision.conda.envdiff import Difference

__all__ = ["command", "difference_lines"]

_SIGNS = {"missing": "-", "extra": "+"}


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """`- conda numpy 1.26.4 py311_0`, `+ …`, `~ conda torch  2.1.0 → 2.2.0  (version)`."""
    lines = []
    for item in found:
        what = f"{item.manager or item.kind} {item.name}"
        if item.kind in _SIGNS:
            lines.append(f"{_SIGNS[item.kind]} {what} {item.a or item.b or ''}".rstrip())
        else:
            kind = "" if not item.manager else f"  ({item.kind})"
            lines.append(f"~ {what}: {item.a or 'none'} → {item.b or 'none'}{kind}")
    return lines


@click.command(name="diff")
@click.argument("a")
@click.argument("b")
@click.option(
    "--check-level",
    type=click.Choice(["records", "files", "hashes"]),
    default="hashes",
    show_default=True,
    help="How deep hosts look: records, whether files are there, or their content.",
)
@click.option("--platform", default="", metavar="SUBDIR", help="Which lock of a file with several.")
@place_options
@reach_options
def command(a: str, b: str, check_level: str, platform: str, **given: Any) -> int:
    """Show how B differs from A. Each is HOST:ENV (a name, a generation or a path), a lock, an
    environment.yml, or the directory of a capture.

    Ends with 3 when they differ. `-` is in A alone, `+` in B alone, `~` is in both and not the
    same: another version, build or source, a file that was changed after its installation, or a
    variable.
    """
    from provision.cli.envs.sides import host_env, side
    from provision.conda.envdiff import differences

    # a host first: it decides between the locks of a file
    order = sorted((a, b), key=lambda text: host_env(text) is None)
    one = side(order[0], given, check_level, platform)
    other = side(order[1], given, check_level, platform or one.platform)
    found = differences(one, other) if order == [a, b] else differences(other, one)
    code = 3 if found else 0
    if given["as_json"]:
        for item in found:
            click.echo(json.dumps(item.to_json(), ensure_ascii=False))
        click.echo(json.dumps({"type": "summary", "a": a, "b": b, "differences": len(found),
                               "exit_code": code}, ensure_ascii=False))  # fmt: skip
        return code
    for line in difference_lines(found):
        click.echo(line)
    count = f"{len(found)} difference{'s' if len(found) != 1 else ''}" if found else "identical"
    click.echo(f"{a} and {b}: {count}")
    return code
