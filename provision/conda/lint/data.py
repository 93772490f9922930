"""What is known of packages by their names alone. Each table is data: add to it.

Sources: the subdirs in which conda-forge, defaults, pytorch and nvidia publish these packages.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

__all__ = [
    "DEFAULTS_FAMILY",
    "LINUX",
    "NOARCH",
    "SAME_NAME_OTHER_THING",
    "VAGUE_NAMES",
    "WANTED",
    "cuda_of_build",
    "cuda_of_name",
    "is_tied_build",
    "loose_gpu_build",
    "platforms_of",
]

LINUX = frozenset({"linux-64", "linux-aarch64", "linux-ppc64le", "linux-s390x", "linux-riscv64"})
#: Name patterns of packages, conda's and pip's, that not every platform has.
_ONLY = {
    LINUX: """
        _openmp_mutex libgcc-ng libgcc libgcc-devel_linux-* libgomp libstdcxx-ng libstdcxx
        libgfortran-ng libnsl libuuid libxcrypt libudev1 libudev libcap libsystemd0 alsa-lib
        elfutils libnuma rdma-core ucx pulseaudio-client libsanitizer libselinux inotify_simple
        pyinotify libaio keyutils libdrm libva libegl libopengl libglx
    """,
    frozenset({"linux-64"}): """
        _libgcc_mutex ld_impl_linux-64 sysroot_linux-64 kernel-headers_linux-64
        gcc_impl_linux-64 gcc_linux-64 gxx_impl_linux-64 gxx_linux-64 gfortran_impl_linux-64
        gfortran_linux-64 binutils_impl_linux-64 binutils_linux-64
        _sysroot_linux-64_curr_repodata_hack
    """,
    frozenset({"linux-aarch64"}): "ld_impl_linux-aarch64 sysroot_linux-aarch64",
    frozenset({"linux-64", "linux-aarch64"}): """
        nccl triton torchtriton libcufile libcufile-dev cudf cuml cugraph rmm raft-dask libcudf
        libcuml libcugraph librmm dask-cudf pylibraft cuspatial cucim
    """,
    frozenset({"linux-64", "osx-64", "win-64"}): """
        mkl mkl-service mkl_fft mkl_random mkl-devel mkl-include intel-openmp icc_rt
        intel-cmplr-lib-rt ipp daal daal4py
    """,
    frozenset({"win-64", "win-32", "win-arm64"}): """
        pywin32 pywin32-ctypes vc vc14_runtime vs2015_runtime vs2013_runtime vcomp14 ucrt winpty
        pywinpty m2w64-* m2-* wincertstore win_inet_pton win32_setctime win32-setctime menuinst
        console_shortcut* powershell_shortcut* libwinpthread getopt-win32 msys2-conda-epoch
        windows-curses wmi comtypes pyreadline3 pypiwin32
    """,
    frozenset({"osx-64", "osx-arm64"}): """
        libcxx appnope python.app pyobjc-* pyobjc ld64* cctools* clang_osx-* clangxx_osx-*
        sigtool tapi applaunchservices
    """,
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Of those, what people ask for by itself; the others come along with what needs them.
WANTED = _words(
    """
    cudf cuml cugraph rmm raft-dask dask-cudf pylibraft cuspatial cucim triton daal4py ipp ucx
    pyinotify inotify_simple alsa-lib
    """
)

#: Packages whose builds are the same on every platform although the build string does not say.
NOARCH = _words(
    """
    tzdata ca-certificates certifi font-ttf-dejavu-sans-mono font-ttf-inconsolata
    font-ttf-source-code-pro font-ttf-ubuntu fonts-conda-ecosystem fonts-conda-forge
    cuda-version nomkl python_abi
    """
)

#: Names that conda and pip use for different things.
SAME_NAME_OTHER_THING = _words(
    """
    graphviz ffmpeg redis git wget curl openssl tk zlib make libtool boost nodejs node xz
    expat sqlite bzip2 readline pandoc poppler tesseract sox
    """
)

#: Channel names of the vendor's own packages.
DEFAULTS_FAMILY = _words("defaults anaconda main pkgs/main r pkgs/r free")

#: Parts of a name that say nothing.
VAGUE_NAMES = _words(
    """
    env envs environment test tests testing tmp temp new old my mine myenv conda base root py
    python untitled default project dev main foo bar copy final stuff
    """
)

_GPU_NAMES = re.compile(
    r"(?:pytorch-cuda|cudatoolkit|cuda-version|cuda-(?:toolkit|runtime|libraries|cudart))"
)
_GPU_ONLY = re.compile(
    r"(?:cuda-.+|cudnn|nccl|libcu(?:blas|fft|rand|solver|sparse|dnn)(?:-dev)?|libnv.+|cupy(?:-.+)?"
    r"|faiss-gpu|tensorflow-gpu|pytorch-gpu|onnxruntime-gpu|xgboost-gpu|py-xgboost-gpu|rapids"
    r"|cudf|cuml|cugraph|rmm|nvidia-.+-cu\d+|flash-attn|bitsandbytes|tensorrt|vllm)"
)
_BUILD_CUDA = re.compile(r"(?:cuda|cu)_?(\d{2})\.?(\d{1,2})?")
_GPU_WORD = re.compile(r"(?:cuda|cu)_?\d+(?:\.\d+)*|gpu|cuda")
_NOARCH_BUILD = re.compile(
    r"(?:py|pyh[0-9a-f]*)_\d+|(?:r\d+)?h(?:d8ed1ab|d3eb1b0|c72bb7e)_\d+"  # known hashes
)


@lru_cache(maxsize=1024)
def platforms_of(name: str) -> frozenset[str]:
    """Where a package exists, by its name; empty when nothing is known: everywhere."""
    for platforms, patterns in _ONLY.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return platforms
    return frozenset()


def cuda_of_name(name: str, version: str) -> str | None:
    """The CUDA release that a package means: "12.1", "" for some release, None for no GPU."""
    if _GPU_NAMES.fullmatch(name):
        found = re.match(r"\d+(?:\.\d+)?", version)
        return found[0] if found else ""
    release = re.search(r"-cu(?:da)?(\d{2})(?:x|\d)?$", name)
    if release and _GPU_ONLY.fullmatch(name):
        return release[1]
    return "" if _GPU_ONLY.fullmatch(name) else None


def cuda_of_build(build: str) -> str | None:
    """The same of a build string or a local version: `py3.11_cuda12.1_0`, `cuda118py310h1_0`,
    `cu121`; None where it is for no GPU."""
    found = _BUILD_CUDA.search(build)
    if found:
        return f"{found[1]}.{found[2] or '0'}" if found[2] or "." in build else found[1]
    return "" if re.search(r"(?:^|_)(?:gpu|cuda)(?:_|$|\*)", build) else None


def loose_gpu_build(build: str) -> str:
    """A pattern that other platforms' builds for the same CUDA fit; "" for builds without."""
    found = _GPU_WORD.search(build)
    return f"*{found[0]}*" if found else ""


def is_tied_build(name: str, build: str) -> bool:
    """Whether a build string names files of one platform: one of words alone does not."""
    if name in NOARCH or "*" in build or re.fullmatch(r"[a-z_]+", build):
        return False
    return not _NOARCH_BUILD.fullmatch(build)
