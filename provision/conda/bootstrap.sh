# Installs Miniconda on a host without Python. POSIX sh; needs coreutils, and curl or wget
# unless the installer comes on standard input. Prints one line: PROVISION-BOOTSTRAP and JSON.
# Values before this line: prefix url_head sha256_of_ARCH sha256_published from_stdin, and what a
# new prefix gets: rc (text of its condarc), note, terms (channels), owner, group, mode

say() {
    # $1 status, $2 message: quotes, backslashes and control characters cannot pass
    words=$(printf '%s' "$2" | tr -d '"\\' | tr '\000-\037' ' ')
    printf 'PROVISION-BOOTSTRAP {"status":"%s","msg":"%s","python":"%s"}\n' \
        "$1" "$words" "$prefix/bin/python"
}
end() {
    say failed "$1"
    exit 1
}
runs() {
    [ -x "$prefix/bin/python" ] && [ -f "$prefix/conda-meta/history" ] &&
        "$prefix/bin/python" -I -S -c 'import os, zlib, marshal, select' >/dev/null 2>&1
}
fetch() {
    # $1 address, $2 file
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --location --retry 3 --connect-timeout 30 \
            --output "$2" "$1" 2>"$work/errors"
    elif command -v wget >/dev/null 2>&1; then
        wget -q --tries=3 --timeout=60 -O "$2" "$1" 2>"$work/errors"
    else
        printf 'neither curl nor wget is on the host' >"$work/errors"
        return 1
    fi
}
digest_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d' ' -f1
    elif command -v openssl >/dev/null 2>&1; then
        openssl dgst -sha256 -r "$1" | cut -d' ' -f1
    fi
}

folder=$(dirname "$prefix")
name=$(basename "$prefix")
marker="$folder/.$name.provision-installing"

if [ ! -e "$marker" ] && runs; then
    [ "$from_stdin" = 0 ] || cat >/dev/null
    say ok "it is there"
    exit 0
fi
mkdir -p "$folder" || end "cannot make $folder"
if [ -d "$prefix" ] && [ ! -e "$marker" ] && [ ! -d "$prefix/conda-meta" ] &&
    [ ! -d "$prefix/pkgs" ] && [ -n "$(ls -A "$prefix")" ]; then
    end "$prefix is there and is no Miniconda; it is left alone"
fi

umask 022
work=$(mktemp -d "$folder/.$name.bootstrap.XXXXXX") || end "cannot write in $folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
installer="$work/installer.sh"

arch=$(uname -m)
case $arch in
    x86_64 | amd64) arch=x86_64 expected=$sha256_of_x86_64 ;;
    aarch64 | arm64) arch=aarch64 expected=$sha256_of_aarch64 ;;
    ppc64le) expected=$sha256_of_ppc64le ;;
    s390x) expected=$sha256_of_s390x ;;
    *) end "there is no installer for $arch hosts" ;;
esac
url="$url_head$arch.sh"
if [ -z "$expected" ]; then
    [ "$sha256_published" = 1 ] || end "the SHA-256 of the installer for $arch is not known"
    fetch "$url.sha256" "$work/sha256" || end "$url.sha256: $(cat "$work/errors")"
    expected=$(cut -d' ' -f1 <"$work/sha256" | head -n 1)
fi
if [ "$from_stdin" = 0 ]; then
    fetch "$url" "$installer" || end "$url: $(cat "$work/errors")"
else
    cat >"$installer" || end "the installer did not arrive"
fi
seen=$(digest_of "$installer")
[ -n "$seen" ] || end "nothing on the host can compute a SHA-256"
[ "$seen" = "$expected" ] ||
    end "the installer is not what was promised: its SHA-256 is $seen, not $expected"

# What an installation that did not end has left; environments in it would outlive a repair.
update=
if [ -e "$prefix" ]; then
    if [ -n "$(ls -A "$prefix/envs" 2>/dev/null | grep -v '^\.conda')" ]; then
        update=-u
    else
        rm -rf "$prefix"
    fi
fi
printf '{}' >"$marker"
sh=/bin/sh
if head -n 1 "$installer" | grep bash >/dev/null && [ -x /bin/bash ]; then sh=/bin/bash; fi
"$sh" "$installer" -b -p "$prefix" $update </dev/null >"$work/output" 2>&1
code=$?
if ! runs; then
    why=$(tail -n 3 "$work/output")
    [ -n "$update" ] || rm -rf "$prefix" "$marker"
    end "the installer ended with $code and left no working Miniconda: $why"
fi
# As the task would leave it, so that the next run has nothing to change.
[ -z "$rc" ] || printf '%s' "$rc" >"$prefix/.condarc" || end "cannot write $prefix/.condarc"
for channel in $terms; do
    "$prefix/bin/conda" tos accept --override-channels --channel "$channel" >"$work/output" 2>&1 ||
        end "the terms of $channel were not accepted: $(tail -n 3 "$work/output")"
done
[ -z "$note" ] || printf '%s' "$note" >"$prefix/conda-meta/provision.record"
if [ -n "$owner$group" ]; then
    chown -R "$owner${group:+:$group}" "$prefix" 2>"$work/errors" || end "$(cat "$work/errors")"
fi
[ -z "$mode" ] || chmod "$mode" "$prefix" || end "cannot set the mode $mode"
sync
rm -f "$marker"
say changed "installed"
