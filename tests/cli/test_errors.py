"""What a user reads after a mistake: exact text, exit code, and nothing touched.

Each file in errors/ is a case: `#` lines name the command line (after `provision`), then
`--- NAME` sections with files to write, then `--- expect N` with the exit code and the text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.inprocess import provision

CASES = sorted((Path(__file__).parent / "errors").glob("*.case"))


def _sections(text: str) -> tuple[list[str], dict[str, str]]:
    head, *parts = text.split("\n--- ")
    argv = [line[2:] for line in head.splitlines() if line.startswith("# ")]
    sections = {}
    for part in parts:
        name, _, body = part.partition("\n")
        sections[name.strip()] = body
    return argv[0].split(), sections


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv, sections = _sections(path.read_text())
    expected_code, expected = 0, ""
    for name, body in sections.items():
        if name.startswith("expect"):
            expected_code, expected = int(name.split()[1]), body
            continue
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body)
        if body.startswith("#!"):
            file.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    ended = provision(*argv)
    assert ended.out == ""
    assert ended.err.replace(f"{tmp_path}/", "").rstrip("\n") == expected.rstrip("\n")
    assert ended.code == expected_code
