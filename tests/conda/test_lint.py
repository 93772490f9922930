"""What the lint says of single lines, and of exports as people publish them.

`exports/NAME.findings` lists what is said of `exports/NAME.yml`, one `line:column level rule` a
line; `exports/fixed/NAME.yml` is what `--fix` makes of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.conda.envfile import parse_environment
from provision.conda.lint import RULES, Finding, LintSettings, decode, fixed, lint_text, masked

EXPORTS = Path(__file__).parent / "exports"
NAMES = sorted(path.stem for path in EXPORTS.glob("*.yml"))
HEAD = "name: model-x-v1\nchannels: [conda-forge]\ndependencies:\n"


def read(name: str, folder: Path = EXPORTS) -> str:
    return (folder / f"{name}.yml").read_bytes().decode()


def said(text: str, file: str = "e.yml", **settings: object) -> list[str]:
    """`line rule` of everything found."""
    given = LintSettings(**settings)  # type: ignore[arg-type]
    return [f"{f.mark.line} {f.rule}" for f in lint_text(text, file, given)]


def only(text: str, rule: str, **settings: object) -> Finding:
    given = LintSettings(**settings)  # type: ignore[arg-type]
    found = [f for f in lint_text(text, "e.yml", given) if f.rule == rule]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_export_as_people_publish_it(name: str) -> None:
    found = lint_text(read(name), f"{name}.yml")
    lines = [f"{f.mark.line}:{f.mark.column} {f.level} {f.rule}" for f in found]
    assert lines == (EXPORTS / f"{name}.findings").read_text().splitlines()
    for finding in found:
        assert finding.why
        assert finding.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_fixed_export(name: str) -> None:
    after = fixed(read(name), f"{name}.yml")
    assert after == read(name, EXPORTS / "fixed")
    assert fixed(after, f"{name}.yml") == after
    assert not any(finding.edits for finding in lint_text(after, f"{name}.yml"))
    parse_environment(after, f"{name}.yml")


def test_each_rule_is_met_by_some_test() -> None:
    met = {line.split()[2] for p in EXPORTS.glob("*.findings") for line in
           p.read_text().splitlines()}  # fmt: skip
    elsewhere = {"no-name", "local-channel", "unlisted-channel", "repeated", "encoding",
                 "unreadable"}  # fmt: skip
    assert met | elsewhere == {rule.id for rule in RULES}


def test_a_clean_file_is_left_alone() -> None:
    text = HEAD + "  - python=3.11.*  # the interpreter\n  - numpy>=1.26,<2\n"
    assert said(text) == []
    assert fixed(text, "e.yml") == text


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Whisper_large", "whisper-large-v1"),
        ("bert2", "bert-v2"),
        ("rapids-24.04", "rapids-v24.04"),
        ("py39", ""),
        ("my-env", ""),
        ("test", ""),
    ],
)
def test_names_have_meaning_and_a_version(name: str, better: str) -> None:
    text = HEAD.replace("model-x-v1", name) + "  - python=3.11\n"
    finding = only(text, "name-convention")
    assert finding.level == "warning"
    assert (better in finding.hint) if better else not finding.edits
    after = fixed(text, "e.yml")
    assert parse_environment(after, "e.yml").name == (better or name)


def test_the_convention_is_a_setting() -> None:
    text = HEAD.replace("model-x-v1", "bert_prod") + "  - python=3.11\n"
    assert said(text, names=r"[a-z]+_(prod|test)") == []
    assert "name-convention" in said(text, names=r"[A-Z]+")[0]


def test_builds_travel_to_the_platform_they_were_made_on() -> None:
    text = HEAD + "  - numpy=1.26.4=py311h64a7726_0\n  - ld_impl_linux-64=2.40=h41732ed_0\n"
    assert said(text, platforms=("linux-64",)) == []
    both = lint_text(text, "e.yml", LintSettings(platforms=("linux-64", "linux-aarch64")))
    assert {(f.rule, f.level) for f in both} == {
        ("platform-build", "error"),
        ("platform-only", "error"),
    }
    assert {f.level for f in lint_text(text, "e.yml")} == {"warning"}


@pytest.mark.parametrize("build", ["pyhd8ed1ab_0", "py_0", "hd3eb1b0_0", "r43hc72bb7e_0", "gpu"])
def test_builds_for_every_platform_are_fine(build: str) -> None:
    assert said(HEAD + f"  - thing=1.0={build}\n", ignore={"gpu-build"}) == []


@pytest.mark.parametrize(
    ("build", "loose"),
    [
        ("py3.10_cuda12.1_cudnn8.9.2_0", "*cuda12.1*"),
        ("cuda120py311h5cbd639_0", "*cuda120*"),
        ("py311_cu121", "*cu121*"),
        ("gpu_py36h3fb9ad6_0", "*gpu*"),
    ],
)
def test_a_gpu_build_stays_one_when_its_string_goes(build: str, loose: str) -> None:
    text = HEAD + f"  - pytorch=2.1.0={build}\n"
    assert parse_environment(fixed(text, "e.yml"), "e.yml").conda[0].rest == f"=2.1.0={loose}"


@pytest.mark.parametrize(
    ("line", "cuda", "level"),
    [
        ("pytorch=2.1.0=py3.10_cuda12.1_cudnn8_0", None, "warning"),
        ("pytorch=2.1.0=py3.10_cuda12.1_cudnn8_0", "", "error"),
        ("pytorch=2.1.0=py3.10_cuda12.1_cudnn8_0", "11.8", "error"),
        ("pytorch=2.1.0=py3.10_cuda12.1_cudnn8_0", "12.0", ""),
        ("tensorflow=2.15.0=cuda120py311h5cbd639_0", "11.8", "error"),
        ("tensorflow=2.4.1=gpu_py39h8236f22_0", "", "error"),
        ("faiss-gpu=1.7", "", "error"),
        ("pytorch=2.1.0=cpu_py311_0", "", ""),
        ("cudatoolkit=11.3", "12.2", ""),
    ],
)
def test_gpu_builds_and_what_the_nodes_run(line: str, cuda: str | None, level: str) -> None:
    found = lint_text(HEAD + f"  - {line}\n", "e.yml", LintSettings(cuda=cuda))
    assert [f.level for f in found if f.rule == "gpu-build"] == ([level] if level else [])


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("HF_TOKEN: some-long-value-7", True),
        ("OPENAI_API_KEY: abcdef123", True),
        ("ENDPOINT: https://me:pw12345@host/x", True),
        ("WHATEVER: " + "ghp_" + 36 * "a", True),
        ("HF_TOKEN: $HF_TOKEN", False),
        ("HF_TOKEN: ''", False),
        ('TOKENIZERS_PARALLELISM: "false"', False),
        ("OMP_NUM_THREADS: '4'", False),
    ],
)
def test_secrets_among_the_variables(value: str, secret: bool) -> None:
    text = HEAD + f"  - python=3.11\nvariables:\n  {value}\n  MODE: fast\n"
    assert said(text) == (["6 secret-variable"] if secret else [])
    if secret:
        kept = parse_environment(fixed(text, "e.yml"), "e.yml").variables
        assert dict(kept) == {"MODE": "fast"}
        content = value.partition(": ")[2]
        assert content not in masked(text, "e.yml")
        assert all(content not in str(f) for f in lint_text(text, "e.yml"))


def test_tokens_are_in_no_finding() -> None:
    for finding in lint_text(read("llama"), "llama.yml"):
        assert "not-a-real" not in f"{finding.what} {finding.why} {finding.hint}"
    assert "not-a-real" not in masked(read("llama"), "llama.yml")


def test_channels() -> None:
    text = "name: a-b-v1\nchannels:\n  - local\n  - /srv/channel\ndependencies:\n  - pypi::six\n"
    assert said(text) == [
        "3 local-channel", "4 local-channel", "6 unlisted-channel", "6 unpinned",
    ]  # fmt: skip
    text = HEAD + "  - nvidia::cuda-nvcc=12.4\n"
    assert only(text, "unlisted-channel").level == "note"


def test_what_is_asked_for_twice() -> None:
    text = HEAD + "  - numpy=1.26\n  - numpy=1.26\n  - six=1.16\n  - six>=1.15\n"
    assert said(text) == ["5 repeated", "7 repeated"]
    assert [s.text for s in parse_environment(fixed(text, "e.yml"), "e.yml").conda] == [
        "numpy=1.26", "six=1.16", "six>=1.15",
    ]  # fmt: skip


def test_pip_over_conda_at_another_version_needs_a_decision() -> None:
    text = HEAD + "  - pytorch=2.1.0\n  - pip\n  - pip:\n    - torch==2.2.0\n    - graphviz==0.2\n"
    finding = only(text, "owned-twice")
    assert (finding.level, finding.edits) == ("error", ())


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("git+https://git.example/x@main", "pip-git"),
        ("x @ git+ssh://git@git.example/x", "pip-git"),
        ("-e .", "pip-editable"),
        ("./wheels/x-1.0-py3-none-any.whl", "pip-path"),
        ("x @ file:///srv/x", "pip-path"),
        ("torch==2.1.0+cu121", "local-version"),
        ("--index-url https://me:pw@host/simple", "index-token"),
    ],
)
def test_pip_lines_that_do_not_travel(line: str, rule: str) -> None:
    text = HEAD + f"  - pip\n  - pip:\n    - {line}\n    - tqdm==4.66.4\n"
    assert f"6 {rule}" in said(text)
    assert f"1 {rule}" in said(f"{line}\ntqdm==4.66.4\n", "requirements.txt")


def test_the_index_of_a_local_version() -> None:
    text = HEAD + "  - pip\n  - pip:\n    - torch==2.1.0+cu121\n    - torchvision==0.16.0+cu121\n"
    after = fixed(text, "e.yml")
    option = "    - --extra-index-url https://download.pytorch.org/whl/cu121\n"
    assert after.count(option) == 1
    assert after.index(option) < after.index("torch==")
    assert "local-version" not in " ".join(said(after))
    settings = LintSettings(index="https://mirror.example/torch/{tag}")
    assert "mirror.example/torch/cu121" in fixed(text, "e.yml", settings)
    requirements = fixed("torch==2.1.0+cpu\n", "requirements.txt")
    assert requirements.splitlines()[0].endswith("/whl/cpu")


def test_files_named_by_requirements_are_looked_into_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("-e .\ntorch @ file:///x/torch-2.0-py3-none-any.whl\n")
    path = tmp_path / "e.yml"
    text = HEAD + "  - pip\n  - pip:\n    - -r more.txt\n"
    found = lint_text(text, str(path))
    assert [(Path(f.mark.file).name, f.mark.line) for f in found] == [
        ("more.txt", 1), ("more.txt", 2),
    ]  # fmt: skip
    assert fixed(text, str(path)) == text


@pytest.mark.parametrize(
    ("text", "line"), [("dependencies: [", 2), ("a: b\n", 1), (HEAD + "  - {x: y}\n", 4)]
)
def test_what_cannot_be_read_is_a_finding(text: str, line: int) -> None:
    assert said(text) == [f"{line} unreadable"]


def test_other_encodings_are_read_and_told() -> None:
    text = HEAD + "  - python=3.11  # für alle\n"
    for encoding in ("utf-16", "utf-8-sig", "latin-1"):
        read_back, wrong = decode(text.encode(encoding), "e.yml")
        assert read_back == text
        assert [f.rule for f in wrong] == ([] if encoding == "utf-8-sig" else ["encoding"])
    assert decode(text.encode(), "e.yml") == (text, ())
