#!/bin/sh
#
# NAME:  @NAME@
# VER:   @VERSION@
# PLAT:  linux-64
# A stand-in for the vendor's installer; its packages are Debian's and from the package index.
# MD5:   @MD5@

set -eu

unset LD_LIBRARY_PATH
if ! echo "$0" | grep '\.sh$' >/dev/null; then
    printf 'Please run using "bash"/"dash"/"sh"/"zsh", but not "." or "source".\n' >&2
    exit 1
fi

min_glibc_version="2.31"
system_glibc_version=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //' || true)
if [ -n "$system_glibc_version" ]; then
    oldest=$(printf '%s\n%s\n' "$system_glibc_version" "$min_glibc_version" | sort -V | head -n 1)
    if [ "$oldest" != "$min_glibc_version" ]; then
        printf 'Installer requires GLIBC >=%s, but system has %s.\n' \
            "$min_glibc_version" "$system_glibc_version" >&2
        exit 1
    fi
fi

THIS_DIR=$(cd "$(dirname "$0")" && pwd)
THIS_FILE=$(basename "$0")
THIS_PATH="$THIS_DIR/$THIS_FILE"
PREFIX="${HOME:-/opt}/miniconda3"
BATCH=0
FORCE=0
SKIP_SCRIPTS=0
USAGE="
usage: $0 [options]

Installs @NAME@ @VERSION@

-b           run install in batch mode (without manual intervention),
             it is expected the license terms (if any) are agreed upon
-f           no error if install prefix already exists
-h           print this help message and exit
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces.
-s           skip running pre/post-link/install scripts
-m           disable the creation of menu items / shortcuts
-u           update an existing installation
-t           run package tests after installation (may install conda-build)
"

while getopts "bifhkp:smut" x; do
    case "$x" in
        h) printf '%s\n' "$USAGE"; exit 2 ;;
        b) BATCH=1 ;;
        i) BATCH=0 ;;
        f|u) FORCE=1 ;;
        k|m|t) ;;
        p) PREFIX="$OPTARG" ;;
        s) SKIP_SCRIPTS=1 ;;
        ?) printf "ERROR: did not recognize option '%s', please try -h\n" "$x" >&2; exit 1 ;;
    esac
done
export SKIP_SCRIPTS

if [ "$BATCH" = "0" ]; then
    if [ "$(uname -m)" != "x86_64" ]; then
        printf 'WARNING:\n    Your operating system appears not to be 64-bit.\n' >&2
    fi
    printf '\nWelcome to @NAME@ @VERSION@\n\n'
    printf 'In order to continue the installation process, please review the license\nagreement.\n'
    printf 'Please, press ENTER to continue\n>>> '
    read -r dummy || true
    printf '\nThis is a stand-in; its packages carry their own licenses.\n\n'
    printf 'Do you accept the license terms? [yes|no]\n>>> '
    read -r ans || ans=no
    case "$ans" in
        [Yy][Ee][Ss]) ;;
        *) printf "The license agreement wasn't approved, aborting installation.\n" >&2; exit 2 ;;
    esac
    printf '\n@NAME@ will now be installed into this location:\n%s\n\n' "$PREFIX"
    printf '  - Press ENTER to confirm the location\n  - Press CTRL-C to abort the installation\n'
    printf '  - Or specify a different location below\n\n[%s] >>> ' "$PREFIX"
    read -r user_prefix || user_prefix=
    [ -z "$user_prefix" ] || PREFIX="$user_prefix"
fi

case "$PREFIX" in
    *\ *) printf 'ERROR: Cannot install into directories with spaces\n' >&2; exit 1 ;;
esac
case "$PREFIX" in
    /*) ;;
    *) PREFIX="$(pwd)/$PREFIX" ;;
esac
if [ "$FORCE" = "0" ] && [ -e "$PREFIX" ]; then
    printf "ERROR: File or directory already exists: '%s'\n" "$PREFIX" >&2
    printf 'If you want to update an existing installation, use the -u option.\n' >&2
    exit 1
elif [ "$FORCE" = "1" ] && [ -e "$PREFIX" ]; then
    REINSTALL=1
else
    REINSTALL=0
fi
if ! mkdir -p "$PREFIX"; then
    printf "ERROR: Could not create directory: '%s'\n" "$PREFIX" >&2
    exit 1
fi
PREFIX=$(cd "$PREFIX" && pwd)
export PREFIX

printf 'PREFIX=%s\n' "$PREFIX"
MD5=$(tail -n +@LINES@ "$THIS_PATH" | md5sum - | cut -c1-32)
if [ "$MD5" != "@MD5@" ]; then
    printf 'WARNING: md5sum mismatch of tar archive\n' >&2
    printf 'expected: @MD5@\n' >&2
    printf '     got: %s\n' "$MD5" >&2
fi

printf 'Unpacking payload ...\n'
tail -n +@LINES@ "$THIS_PATH" | tar -xzf - -C "$PREFIX" --no-same-owner

libraries=
modules=
for folder in "$PREFIX"/pkgs/*/; do
    [ ! -d "${folder}lib" ] || libraries="$libraries${libraries:+:}${folder}lib"
done
for name in $(sed -n 's#^[a-z]*://.*/\([^/]*\)\.\(conda\|tar\.bz2\)$#\1#p' "$PREFIX/pkgs/base.txt"); do
    folder="$PREFIX/pkgs/$name/lib/python3.11/site-packages"
    [ ! -d "$folder" ] || modules="$modules${modules:+:}$folder"
done
printf '\nInstalling base environment...\n\n'
if [ "$REINSTALL" = "1" ]; then
    rm -rf "$PREFIX/conda-meta/.installing"
fi
LD_LIBRARY_PATH="$libraries" PYTHONPATH="$modules" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 \
    "$PREFIX/pkgs/@PYTHON@/bin/python3.11" -m conda_standin.bootstrap "$PREFIX"
printf 'installation finished.\n'
exit 0
