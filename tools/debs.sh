#!/bin/sh
# debs.sh PACKAGE...: installs what is missing; as an ordinary user only says so.
set -eu
missing=
for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not root: without$missing no lab can boot" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# openssh-server here serves loopback tests; the machine need not offer logins for it.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.provision
chmod 755 /usr/sbin/policy-rc.d.provision
trap 'rm -f /usr/sbin/policy-rc.d.provision; [ ! -L /usr/sbin/policy-rc.d ] || rm -f /usr/sbin/policy-rc.d' EXIT
[ -e /usr/sbin/policy-rc.d ] || ln -s policy-rc.d.provision /usr/sbin/policy-rc.d
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --no-install-recommends -y $missing >/dev/null
