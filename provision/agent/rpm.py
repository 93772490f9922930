"""What rpm has installed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Sequence, Set

    from provision.agent.core import Context

FORMAT = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n"


class Package:
    """One installed package."""

    def __init__(self, line: str) -> None:
        self.name, self.epoch, self.version, self.release, self.arch = line.split("\t")

    def evr(self) -> str:
        epoch = "" if self.epoch in ("0", "(none)") else self.epoch + ":"
        return "%s%s-%s" % (epoch, self.version, self.release)

    def spellings(self) -> Set[str]:
        """Every way in which a task may name it."""
        full = "%s-%s" % (self.version, self.release)
        words = {self.name, "%s-%s" % (self.name, self.version), "%s-%s" % (self.name, full)}
        words.add("%s-%s:%s" % (self.name, self.epoch, full))
        words.add("%s:%s-%s" % (self.epoch, self.name, full))
        words.add("%s-%s:%s" % (self.name, self.epoch, self.version))
        return words | {word + "." + self.arch for word in words}


def is_special(name: str) -> bool:
    """Whether only dnf knows what it means: a group, a file, an address."""
    return name.startswith("@") or "://" in name or name.endswith(".rpm")


def query(ctx: Context, names: Sequence[str]) -> List[Package]:
    """The installed packages among these names, globs included."""
    plain = sorted({n for n in names if not is_special(n) and not _is_glob(n)})
    globs = sorted({n for n in names if not is_special(n) and _is_glob(n)})
    found: List[Package] = []
    for flags, words in ((["-q"], plain), (["-qa"], globs)):
        if words:
            done = ctx.probe(["rpm", *flags, "--qf", FORMAT, "--", *words], timeout_s=120)
            found += parse(done.stdout)
    return found


def everything(ctx: Context) -> Dict[str, str]:
    """name.arch → version, of all packages; kernels and such have several versions."""
    found: Dict[str, List[str]] = {}
    for package in parse(ctx.probe(["rpm", "-qa", "--qf", FORMAT], timeout_s=120).stdout):
        found.setdefault(package.name + "." + package.arch, []).append(package.evr())
    return {name: " ".join(sorted(versions)) for name, versions in found.items()}


def parse(text: str) -> List[Package]:
    return [Package(line) for line in text.splitlines() if line.count("\t") == 4]


def matching(packages: Iterable[Package], spec: str) -> List[Package]:
    """Those packages that a name in a task means."""
    import fnmatch

    if not _is_glob(spec):
        return [p for p in packages if spec in p.spellings()]
    return [p for p in packages if any(fnmatch.fnmatchcase(w, spec) for w in p.spellings())]


def provided(ctx: Context, capability: str) -> bool:
    """Whether an installed package provides a capability or a file."""
    return ctx.probe(["rpm", "-q", "--whatprovides", "--", capability]).rc == 0


def _is_glob(name: str) -> bool:
    return any(c in name for c in "*?[")
