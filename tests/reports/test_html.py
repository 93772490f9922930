"""The HTML page: safe, whole in itself, usable without scripts, small."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from provision.reports.html import render
from provision.reports.record import Cell, HostRow, Record

from tests.cli.inprocess import provision
from tests.drift.support import Project
from tests.reports.chromium import Chromium, program
from tests.reports.pictures import picture, points

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202e\x00\ud800"


class Reader(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(record: Record) -> str:
    return "".join(render(record, points()))


def hostile() -> Record:
    record = picture(3, 2, share=0)
    thing = record.things[0]
    record.things[0] = type(thing)(EVIL, EVIL, EVIL, EVIL)
    diff = [{"key": EVIL, "before": EVIL, "after": f"{EVIL}\n{EVIL}"}]
    cell = Cell(EVIL, 0, "~", "changed", EVIL, "drifted", f"{EVIL}\n{EVIL}", diff)
    cell.evidence = [{"kind": EVIL, "about": EVIL, "text": EVIL, "at": 1.0}]
    cell.accepted = [{"reason": EVIL, "by": EVIL, "until": EVIL, "where": EVIL, "diff": diff}]
    cell.hint = cell.where = cell.output = cell.since = EVIL
    record.hosts[EVIL] = HostRow(["~", "."])
    record.cells = [cell]
    record.notices = [{"level": "warning", "msg": EVIL, "host": EVIL}]
    record.meta.user = record.meta.machine = record.meta.directory = EVIL
    record.meta.git = {"commit": EVIL, "dirty": True}
    record.meta.playbooks = [{"path": f"/x/{EVIL}"}]
    return record


def test_nothing_that_a_host_sends_becomes_markup() -> None:
    page = page_of(hostile())
    page.encode("utf-8")  # half a surrogate pair would not
    read = Reader(page)
    assert not read.all("img")
    assert len(read.all("script")) == 1
    for name, attributes in read.elements:
        assert not any(key.startswith("on") for key in attributes), name
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<script>alert(1)</script>" in "".join(read.words)


def test_needs_nothing_but_itself() -> None:
    page = page_of(picture())
    read = Reader(page)
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttp|srcset", page)
    for _, attributes in read.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] for a in read.all("meta") if "http-equiv" in a) or ""
    assert policy.startswith("default-src 'none'")
    script = page[page.index("<script>") + 8 : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


def test_every_cell_leads_to_its_details_and_has_headers() -> None:
    record = picture()
    read = Reader(page_of(record))
    targets = {a.get("id") for a in read.all("details")}
    links = [a["href"] or "" for a in read.all("a") if "class" not in a]
    assert len(links) == len(record.cells)
    assert {link[1:] for link in links} <= targets
    assert all(a.get("scope") in ("col", "row") for a in read.all("th"))
    assert all(a.get("tabindex") == "0" for a in read.all("pre"))


def test_says_in_words_what_colours_say() -> None:
    page = page_of(picture())
    for word in ("drifted</a>", "unknown</a>", "accepted</a>", "failed</a>", "<td>ok"):
        assert word in page


@pytest.mark.parametrize(("share", "ways"), [(0.01, 5), (0.5, 500), (1.0, 100_000)])
def test_a_thousand_hosts_and_sixty_things_stay_small(share: float, ways: int) -> None:
    record = picture(1000, 60, share=share, ways=ways)
    page = page_of(record)
    assert len(page.encode()) < 5_000_000
    targets = set(re.findall(r'<details class="g \w" id="(g\d+)"', page))
    assert set(re.findall(r"<a href=#(g\d+)>", page)) <= targets


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    style = (Path(render.__code__.co_filename).with_name("style.css")).read_text()
    roots = re.findall(r":root\{([^}]*)\}", style)
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", roots[0 if scheme == "light" else 1]))
    pairs = [("fg", "bg"), ("dim", "bg"), ("dim", "card"), ("fg", "card"), ("ins", "bg")]
    pairs += [("del", "bg"), ("ond", "d"), ("ond", "a")]
    for front, back in pairs:
        assert _contrast(colours[front], colours[back]) >= 4.5, (front, back)
    for front, back in [("on", "x"), ("on", "u"), ("on", "q")]:  # large bold signs
        assert _contrast(colours[front], colours[back]) >= 3, (front, back)


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_same_page_from_the_run_and_from_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISION_HISTORY", str(tmp_path / "h" / "history.sqlite3"))
    project = Project(tmp_path)
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    project.run("drift")
    now, then = tmp_path / "now.html", tmp_path / "then.html"
    assert project.run("drift", "--html", str(now)).code == 3
    assert provision("report", "last", "--html", str(then)).code == 0
    assert now.read_text() == then.read_text()
    text = "".join(Reader(now.read_text()).words)
    assert "1 of 2 hosts drifted" in text
    assert "Evidence on a" in text
    assert provision("report", "last").code == 2
    assert provision("report", "99", "--html", str(then)).code == 2
    assert project.run("drift", "--html", "/no/such/folder/x.html").code == 2


# -- in a browser -------------------------------------------------------------------------

browsers = pytest.mark.skipif(program() is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    made = Chromium()
    yield made
    made.close()


def _open(browser: Chromium, tmp_path: Path, record: Record) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(record))
    browser.requests.clear()
    browser.errors.clear()
    browser.open(path)


@browsers
@pytest.mark.slow
def test_cells_open_their_details_by_mouse_and_keyboard(browser: Chromium, tmp_path: Path) -> None:
    _open(browser, tmp_path, picture())
    assert [one for one in browser.requests if not one.startswith(("file:", "about:"))] == []
    focused = "document.activeElement.closest('details').id"
    first = browser.js("document.querySelector('.hm td a').getAttribute('href').slice(1)")
    browser.js("document.querySelector('.hm td a').click()")
    assert browser.js(focused) == first
    assert browser.js(f"document.getElementById('{first}').open") is True
    browser.js("document.querySelector('.hm td a').focus()")
    row = "document.activeElement.closest('tr').rowIndex"
    assert browser.js(row) == 1
    browser.key("ArrowDown", 40)
    assert browser.js(row) == 2
    assert browser.errors == []


@browsers
@pytest.mark.slow
def test_filters(browser: Chromium, tmp_path: Path) -> None:
    record = picture()
    _open(browser, tmp_path, record)
    shown = "[...document.querySelectorAll('%s')].filter(e => e.checkVisibility()).length"
    every = browser.js(shown % ".g")
    browser.js("document.getElementById('f-d').click()")
    assert 0 < browser.js(shown % ".g") < every
    assert browser.js(shown % ".g.d") == 0
    browser.js("document.getElementById('f-d').click()")
    host = record.cells[0].host
    browser.js(f"q.value = '{host}'; q.dispatchEvent(new Event('input'))")
    browser.js("new Promise(done => setTimeout(done, 300))")
    assert browser.js(shown % ".hm tbody tr") == 1
    browser.js("q.value = 'nothing like it'; q.dispatchEvent(new Event('input'))")
    browser.js("new Promise(done => setTimeout(done, 300))")
    assert browser.js("document.getElementById('none').checkVisibility()") is True


@browsers
@pytest.mark.slow
def test_without_scripts(browser: Chromium, tmp_path: Path) -> None:
    browser.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        path = tmp_path / "page.html"
        path.write_text(page_of(picture()))
        browser.open(path, "#g1", scripts=False)
        seen = "document.querySelector('#g1 .b').checkVisibility()"
        end = time.monotonic() + 10
        while not browser.js(seen):  # until the first frame
            assert time.monotonic() < end
            time.sleep(0.05)
        other = "document.querySelector('#g2 .b').checkVisibility()"
        assert browser.js(other) is False
        assert browser.js("document.getElementById('ql').hidden") is True
        assert browser.js("document.querySelectorAll('.hm td').length") > 100
    finally:
        browser.tell("Emulation.setScriptExecutionDisabled", value=False)


@browsers
@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 1400])
def test_fits_its_window(browser: Chromium, tmp_path: Path, width: int) -> None:
    browser.size(width, 800, phone=width < 500)
    _open(browser, tmp_path, picture())
    browser.js("document.querySelectorAll('details.g').forEach(g => g.open = true)")
    assert browser.js("document.documentElement.scrollWidth") <= width


@browsers
@pytest.mark.slow
def test_hostile_names_do_nothing_in_a_browser(browser: Chromium, tmp_path: Path) -> None:
    _open(browser, tmp_path, hostile())
    assert browser.errors == []
    assert browser.js("document.querySelectorAll('img, body script').length") == 1
