#!/bin/bash
# The main job on three throwaway hosts, from nothing to a drift report. `make demo` calls it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
started=$EPOCHREALTIME
times=()

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }

timed() { # timed LABEL COMMAND...: runs it and keeps how long it took
    local label=$1 begun=$EPOCHREALTIME rc=0
    shift
    printf '$ %s\n' "$*"
    "$@" || rc=$?
    times+=("$(printf '%-46s %6.1f s' "$label" "$(bc <<<"$EPOCHREALTIME - $begun")")")
    return $rc
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

site=(playbooks/site.yml -i inventories/lab.yml)

say "Three Debian hosts, and the mirror they install from"
timed "boot three hosts" provision lab up --hosts 3 --install
provision lab status

say "The main job: Miniconda, two environments, a service from each"
timed "provision apply, from nothing" provision apply "${site[@]}"

say "Again: nothing to change"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
timed "provision apply, nothing to change" provision apply "${site[@]}" --json >"$out"
python3 - "$out" <<'PY'
import json, sys
hosts = [json.loads(line) for line in open(sys.argv[1]) if '"type":"summary"' in line][-1]["hosts"]
changed = sum(counts.get("changed", 0) for counts in hosts.values())
print(f"{len(hosts)} hosts, {sum(c.get('ok', 0) for c in hosts.values())} tasks in sync, {changed} changed")
sys.exit(changed != 0)
PY

say "A request to each service"
ask_langid='curl -fsS --get --data-urlencode "text=Wo steht das Rechenzentrum?" http://127.0.0.1:8001/identify'
ask_filetype='printf "import os\nprint(os.getcwd())\n" | curl -fsS --data-binary @- http://127.0.0.1:8002/identify'
timed "a request to each service on each host" \
    provision run all -i inventories/lab.yml -- sh -c "$ask_langid; echo; $ask_filetype; echo"

say "Somebody tampers with gpu02: a unit, an environment, a service"
provision lab exec gpu02 -- sh -ec '
    sed -i "s/^Restart=.*/Restart=no/" /etc/systemd/system/langid.service
    /opt/miniconda3/envs/speech-langid-v1/bin/python -m pip uninstall -q -y --root-user-action=ignore h11
    systemctl stop filetype
    echo "Restart=no in langid.service; h11 removed from speech-langid-v1; filetype stopped"'

say "What has drifted?"
rc=0
timed "provision drift" provision drift "${site[@]}" || rc=$?
[ "$rc" = 3 ] || fail "drift ended with $rc, not with 3"
provision drift "${site[@]}" --json >"$out" || true
python3 - "$out" <<'PY'
import json, sys
drifted = [
    (event["host"], event["task"])
    for event in map(json.loads, open(sys.argv[1]))
    if event["type"] == "task" and event["status"] == "changed"
]
expected = [
    ("gpu02", "environment for language identification"),
    ("gpu02", "language identification"),
    ("gpu02", "file types"),
]
print(f"exit code 3; {len(drifted)} things, all on gpu02")
sys.exit(drifted != expected)
PY

say "How long it took"
printf '%s\n' "${times[@]}"
printf '%-46s %6.1f s\n' "everything" "$(bc <<<"$EPOCHREALTIME - $started")"
cat <<'END'

The hosts stay up. How to go on:
  . .venv/bin/activate
  provision apply playbooks/site.yml -i inventories/lab.yml   # repairs gpu02
  provision lab ssh gpu01
  provision lab down
END
