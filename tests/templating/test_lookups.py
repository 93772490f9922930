from __future__ import annotations

import stat
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from provision.errors import InputError, ProvisionError, TemplateError, UndefinedVariable
from provision.templating import LookupContext, Scope, Templar, lookup
from provision.yamlsource import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("  text\n\n")
    (tmp_path / "files/b.txt").write_text("b\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ name }}-{{ extra | default('none') }}\n")
    (tmp_path / "files/people.csv").write_text('smith,jane,7\n"von x",jo,8\n')
    (tmp_path / "files/users.ini").write_text("[integration]\nuser=robert\npass=secret\n")
    (tmp_path / "files/users.properties").write_text("user.name=Robert\n")
    return tmp_path


@pytest.fixture
def templar(folder: Path) -> Templar:
    context = LookupContext(
        basedir=folder,
        select_hosts=lambda pattern: [f"{pattern}-1", f"{pattern}-2"],
        config={"forks": 5},
    )
    return Templar(lookup_context=context)


@pytest.fixture
def scope(templar: Templar) -> Scope:
    return Scope([load("name: web\nhosts: [a, '{{ name }}']", "v.yml")], templar=templar)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ lookup('file', 'a.txt') }}", "  text"),
        ("{{ lookup('file', 'a.txt', rstrip=false, lstrip=true) }}", "text\n\n"),
        ("{{ lookup('file', 'a.txt', 'b.txt') }}", "  text,b"),
        ("{{ query('file', 'a.txt', 'b.txt') }}", ["  text", "b"]),
        ("{{ lookup('unvault', 'b.txt') }}", "b\n"),
        ("{{ lookup('template', 't.j2') }}", "web-none\n"),
        ("{{ lookup('template', 't.j2', template_vars={'extra': 1}) }}", "web-1\n"),
        ("{{ query('fileglob', '*.txt') | map('basename') | sort }}", ["a.txt", "b.txt"]),
        ("{{ lookup('first_found', 'none', 'b.txt') | basename }}", "b.txt"),
        ("{{ query('first_found', {'files': 'none', 'skip': true}) }}", []),
        ("{{ query('first_found', ['x{{ undefined_name }}', 'b.txt']) | length }}", 1),
        ("{{ lookup('csvfile', 'smith', file='people.csv', delimiter=',') }}", "jane"),
        ("{{ lookup('csvfile', 'von x file=people.csv delimiter=, col=2') }}", "8"),
        ("{{ lookup('csvfile', '8 file=people.csv delimiter=, col=0 keycol=2') }}", "von x"),
        ("{{ lookup('csvfile', 'no', file='people.csv', delimiter=',', default='d') }}", "d"),
        ("{{ lookup('ini', 'user', section='integration', file='users.ini') }}", "robert"),
        ("{{ lookup('ini', 'user section=integration file=users.ini') }}", "robert"),
        ("{{ lookup('ini', 'gone', section='integration', file='users.ini', default='x') }}", "x"),
        (
            "{{ q('ini', '.*', section='integration', file='users.ini', re=true) }}",
            ["robert", "secret"],
        ),
        ("{{ lookup('ini', 'user.name', type='properties', file='users.properties') }}", "Robert"),
        ("{{ lookup('inventory_hostnames', 'gpu') }}", "gpu-1,gpu-2"),
        ("{{ lookup('config', 'forks') }}", 5),
        ("{{ lookup('ansible.builtin.file', 'b.txt') }}", "b"),
        ("{{ lookup('file', 'gone', errors='ignore') }}", None),
        ("{{ q('file', 'gone', errors='ignore') }}", []),
        ("{{ lookup('vars', 'na' ~ 'me') }}", "web"),
        ("{{ q('varnames', '^na|^ho') }}", ["hosts", "name"]),
        ("{{ lookup('pipe', 'pwd') == lookup('pipe', 'pwd') }}", True),
    ],
)
def test_lookups(templar: Templar, scope: Scope, text: str, expected: object) -> None:
    assert templar.render(text, scope) == expected


@pytest.mark.parametrize(
    ("name", "terms", "expected"),
    [
        ("items", "[1, [2, [3]], '{{ name }}']", [1, 2, [3], "web"]),
        ("items", "'{{ hosts }}'", ["a", "web"]),
        ("items", "['{{ hosts }}', 'z']", ["a", "web", "z"]),
        ("list", "[1, [2]]", [1, [2]]),
        ("dict", "{a: '{{ name }}'}", [{"key": "a", "value": "web"}]),
        ("indexed_items", "[a, b]", [[0, "a"], [1, "b"]]),
        ("nested", "[[1, 2], '{{ hosts }}']", [[1, "a"], [1, "web"], [2, "a"], [2, "web"]]),
        ("together", "[[1, 2], [a]]", [[1, "a"], [2, None]]),
        ("flattened", "[1, [2, [3, null]]]", [1, 2, 3]),
        ("sequence", "start=1 end=3 format=n%02d", ["n01", "n02", "n03"]),
        ("subelements", "[[{n: a, l: [1]}, {n: b}], l, {skip_missing: true}]", [[{"n": "a"}, 1]]),
    ],
)
def test_loops(templar: Templar, scope: Scope, name: str, terms: str, expected: object) -> None:
    value = load(terms, "t.yml")
    assert lookup(name, value, scope) == expected
    assert lookup(f"ansible.builtin.{name}", templar.render(value, scope), scope) == expected


def test_first_found_passes_over_what_is_undefined(scope: Scope, folder: Path) -> None:
    terms = load("[{files: ['{{ gone }}.txt', a.txt], paths: [files]}]", "t.yml")
    assert lookup("first_found", terms, scope) == [str(folder / "files/a.txt")]


def test_first_found_looks_where_the_action_reads(templar: Templar, folder: Path) -> None:
    for kind in ("vars", "templates"):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / "a.txt").write_text("")
    scope = Scope([{"_file_kind": "vars"}], templar=templar)
    assert lookup("first_found", ["a.txt"], scope) == [str(folder / "vars/a.txt")]


def test_the_tasks_own_folders_come_first(templar: Templar, tmp_path: Path) -> None:
    role = tmp_path / "roles/r"
    (role / "files").mkdir(parents=True)
    (role / "files/b.txt").write_text("of the role")
    scope = Scope([{"role_path": str(role)}], templar=templar)
    assert templar.render("{{ lookup('file', 'b.txt') }}{{ lookup('file', 'a.txt') }}", scope) == (
        "of the role  text"
    )


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{{ lookup('file', 'gone') }}", InputError, "looked in"),
        ("{{ lookup('fil', 'x') }}", TemplateError, "no lookup named 'fil'"),
        ("{{ lookup('pipe', 'echo oops >&2; exit 3') }}", TemplateError, "ended with 3: oops"),
        ("{{ lookup('first_found', 'gone') }}", InputError, "No file was found"),
        ("{{ lookup('env', 'PROVISION_NOT_SET', default=undef()) }}", UndefinedVariable, "not set"),
        ("{{ lookup('file', 'b.txt', errors='maybe') }}", TemplateError, "errors is one of"),
        (
            "{{ lookup('csvfile', 'k', file='people.csv', col='x') }}",
            TemplateError,
            "invalid value",
        ),
        ("{{ lookup('csvfile', 'k files=x') }}", TemplateError, "not a valid option"),
        ("{{ lookup('url', 'file:///etc/passwd') }}", TemplateError, "not an http(s) address"),
    ],
)
def test_failures(
    templar: Templar, scope: Scope, text: str, error: type[ProvisionError], message: str
) -> None:
    with pytest.raises(error) as caught:
        templar.render(text, scope)
    assert message in str(caught.value)


def test_a_password_is_made_once(templar: Templar, scope: Scope, folder: Path) -> None:
    text = "{{ lookup('password', 'credentials/db length=12 chars=ascii_lowercase') }}"
    first = templar.render(text, scope)
    assert len(first) == 12
    assert first.isalpha()
    assert templar.render(text, scope) == first
    kept = folder / "credentials/db"
    assert kept.read_text() == f"{first}\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    hashed = "{{ lookup('password', 'credentials/db', encrypt='sha256_crypt') }}"
    assert templar.render(hashed, scope) == templar.render(hashed, scope)
    assert kept.read_text().startswith(f"{first} salt=")
    assert templar.render(text, scope) == first
    assert list(kept.parent.iterdir()) == [kept]


def test_a_password_kept_nowhere(templar: Templar, scope: Scope) -> None:
    text = "{{ lookup('password', '/dev/null length=30 chars=digits') }}"
    first, second = templar.render(text, scope), templar.render(text, scope)
    assert first != second
    assert first.isdigit()


def test_several_threads_make_one_password(templar: Templar, scope: Scope) -> None:
    found: list[str] = []
    text = "{{ lookup('password', 'credentials/many') }}"
    threads = [
        threading.Thread(target=lambda: found.append(templar.render(text, scope))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_url(templar: Templar, scope: Scope) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ok = self.path == "/ok"
            self.send_response(200 if ok else 404)
            self.end_headers()
            self.wfile.write(b"one\ntwo\n" if ok else b"")

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        assert templar.render(f"{{{{ q('url', '{base}/ok') }}}}", scope) == ["one", "two"]
        whole = f"{{{{ lookup('url', '{base}/ok', split_lines=false) }}}}"
        assert templar.render(whole, scope) == "one\ntwo\n"
        with pytest.raises(TemplateError, match="answered 404"):
            templar.render(f"{{{{ lookup('url', '{base}/gone') }}}}", scope)
        server.shutdown()
