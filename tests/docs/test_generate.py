"""Pages made from the code must be those that the code makes now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from docs.generate import DOCS, pages
from provision import actions
from provision.engine.vocabulary import ActionVocabulary
from provision.playbook import Files
from provision.playbook.plays import playbook_of
from provision.yamlsource import load

PAGES = pages()


def test_generated_pages_are_fresh() -> None:
    stale = [
        str(path)
        for path, text in PAGES.items()
        if not (DOCS / path).is_file() or (DOCS / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `make docs` and look at what it changed"


def test_no_page_is_left_of_an_action_that_is_gone() -> None:
    there = {path.relative_to(DOCS) for path in (DOCS / "actions").glob("*.md")}
    assert there - set(PAGES) == set()


@pytest.mark.parametrize("name", sorted(actions.ACTION_FILES()))
def test_every_action_is_documented_and_its_examples_load(name: str) -> None:
    page = PAGES[Path("actions", f"{name}.md")]
    action = actions.action(name)
    assert action.summary.endswith(".")
    assert all(field.doc for field in _fields(page))
    examples = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert examples, f"{name} has no example"
    tasks = yaml.safe_load(examples.group(1))
    used = {str(key).rpartition(".")[2] for task in tasks for key in task}
    assert name in used
    text = "- hosts: all\n  tasks:\n" + "".join(
        f"    {line}\n" for line in examples.group(1).splitlines()
    )
    playbook_of(load(text, name), Path(name), Files(ActionVocabulary()))


class _Row:
    def __init__(self, line: str) -> None:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        self.name, self.kind, self.default, self.doc = cells


def _fields(page: str) -> list[_Row]:
    return [_Row(line) for line in page.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda p: str(p.relative_to(DOCS)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{path.name} links to {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{path.name} links to {target}"
