"""Small packages that are awkward on purpose, so that tools can be tried on them.

prefix-demo     a prefix to replace in a script, a text file and a binary
activate-demo   activation and deactivation scripts, and a variable in env_vars.d
postlink-demo   a post-link script that leaves a file and a message
gpu-demo        one build for a CUDA driver, one without
old-six-demo    wants six below 1.17: conflicts with whoever wants the newest
"""

from __future__ import annotations

from pathlib import Path

from provision.lab.mirror.condapkg import PLACEHOLDER, PackageSpec, write_package
from provision.lab.mirror.thunks import SystemCall, shared_object

__all__ = ["write_demo_packages"]


def _file(root: Path, name: str, text: str | bytes, mode: int = 0o644) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)


def _prefix_demo(root: Path, version: str) -> None:
    _file(
        root,
        "bin/prefix-demo",
        f"#!{PLACEHOLDER}/bin/python\nimport sys\nprint(sys.prefix)\n",
        0o755,
    )
    _file(root, "share/prefix-demo/prefix.txt", f"{PLACEHOLDER}\nversion {version}\n")
    _file(
        root,
        "lib/libprefix-demo.so",
        shared_object(
            "libprefix-demo.so",
            {"demo_getpid": SystemCall(39)},
            {"prefix_demo_share": f"{PLACEHOLDER}/share/prefix-demo".encode()},
        ),
        0o755,
    )


def _activate_demo(root: Path) -> None:
    _file(
        root,
        "etc/conda/activate.d/activate-demo.sh",
        'export ACTIVATE_DEMO_HOME="$CONDA_PREFIX/share/activate-demo"\n',
    )
    _file(root, "etc/conda/deactivate.d/activate-demo.sh", "unset ACTIVATE_DEMO_HOME\n")
    _file(
        root,
        "etc/conda/env_vars.d/activate-demo.json",
        '{"ACTIVATE_DEMO_VARIABLE": "from the package"}\n',
    )
    _file(root, "share/activate-demo/data.txt", "data\n")


def _postlink_demo(root: Path) -> None:
    _file(
        root,
        "bin/.postlink-demo-post-link.sh",
        '#!/bin/sh\nprintf "%s %s %s\\n" "$PKG_NAME" "$PKG_VERSION" "$PKG_BUILDNUM" '
        '>"$PREFIX/postlink-demo.txt"\n'
        'printf "postlink-demo was linked\\n" >>"$PREFIX/.messages.txt"\n',
        0o755,
    )
    _file(
        root,
        "bin/.postlink-demo-pre-unlink.sh",
        '#!/bin/sh\nrm -f "$PREFIX/postlink-demo.txt"\n',
        0o755,
    )


def write_demo_packages(work: Path, channel: Path) -> None:
    """Builds them all into `channel`."""
    for version in ("1.0", "2.0"):
        root = work / f"prefix-demo-{version}"
        _prefix_demo(root, version)
        write_package(
            root,
            PackageSpec(
                "prefix-demo",
                version,
                "h1_0",
                depends=("python",),
                license="Apache-2.0",
                summary="A prefix in a script, a text and a binary",
            ),
            channel,
        )
    root = work / "activate-demo"
    _activate_demo(root)
    write_package(
        root,
        PackageSpec(
            "activate-demo",
            "1.0",
            "0",
            noarch="generic",
            license="Apache-2.0",
            summary="Activation scripts",
        ),
        channel,
    )
    root = work / "postlink-demo"
    _postlink_demo(root)
    write_package(
        root,
        PackageSpec(
            "postlink-demo", "1.0", "0", license="Apache-2.0", summary="A post-link script"
        ),
        channel,
    )
    for build, number, depends in (("cuda_1", 1, ("__cuda >=12",)), ("cpu_0", 0, ())):
        root = work / f"gpu-demo-{build}"
        _file(root, "share/gpu-demo/build.txt", f"{build}\n")
        write_package(
            root,
            PackageSpec(
                "gpu-demo",
                "1.0",
                build,
                number,
                depends=depends,
                license="Apache-2.0",
                summary="A CUDA and a CPU build",
            ),
            channel,
        )
    root = work / "old-six-demo"
    _file(root, "share/old-six-demo/readme.txt", "wants an old six\n")
    write_package(
        root,
        PackageSpec(
            "old-six-demo",
            "1.0",
            "0",
            noarch="generic",
            depends=("six <1.17",),
            license="Apache-2.0",
        ),
        channel,
    )
