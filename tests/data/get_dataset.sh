#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# get_dataset.sh SCRIPT WORK: scripts/get_dataset against a web server on loopback.
set -euo pipefail
script=$1 work=$2
for program in python3 curl unzip sha256sum; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: $program is not installed"
        exit 77
    fi
done
rm -rf "$work"
mkdir -p "$work/site" "$work/pack"
unset SMLDIST_DATA SMLDIST_DATASET_URL SMLDIST_DATASET_SHA256
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

# uci_har.zip holds an archive with the dataset, as UCI packs it; wisdm.tar.gz the dataset itself.
python3 - "$work" <<'PYTHON'
import io, sys, tarfile, zipfile
work = sys.argv[1]
inner = io.BytesIO()
with zipfile.ZipFile(inner, "w") as z:
    z.writestr("UCI HAR Dataset/README.txt", "the set\n")
    z.writestr("__MACOSX/UCI HAR Dataset/._README.txt", "no part of it\n")
with zipfile.ZipFile(work + "/site/uci_har.zip", "w") as z:
    z.writestr("UCI HAR Dataset.names", "about\n")
    z.writestr("UCI HAR Dataset.zip", inner.getvalue())
for name, text in (("wisdm", b"1,Jogging,1,1,1,1;\n"), ("changed", b"other\n")):
    with tarfile.open(work + "/site/" + name + ".tar.gz", "w:gz") as t:
        info = tarfile.TarInfo("WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt")
        info.size = len(text)
        t.addfile(info, io.BytesIO(text))
with zipfile.ZipFile(work + "/site/empty.zip", "w") as z:
    z.writestr("README.txt", "no data\n")
open(work + "/site/garbage", "w").write("neither\n")
PYTHON

# The server takes any free port and writes it down.
python3 - "$work" >"$work/server.log" 2>&1 <<'PYTHON' &
import functools, http.server, os, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1] + "/site")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
with open(sys.argv[1] + "/port.part", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + "/port.part", sys.argv[1] + "/port")
server.serve_forever()
PYTHON
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 200); do
    [[ -e $work/port ]] && break
    sleep 0.05
done
site=http://127.0.0.1:$(cat "$work/port")

# expect CODE TEXT ARGUMENT…: the script's exit code, and a part of what it says.
expect() {
    local wanted=$1 text=$2 code=0
    shift 2
    "$script" "$@" >"$work/said" 2>&1 || code=$?
    if [[ $code != "$wanted" ]] || ! grep -qF -- "$text" "$work/said"; then
        echo "get_dataset $*: exit code $code, expected $wanted, and '$text' in:" >&2
        cat "$work/said" >&2
        exit 1
    fi
}
# Nothing half done may stay behind.
expect_only() {
    local found
    found=$(cd "$1" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')
    [[ $found == "$2" ]] || {
        echo "$1 holds '$found', expected '$2'" >&2
        exit 1
    }
}
sum() { sha256sum "$work/site/$1" | cut -d ' ' -f 1; }

expect 0 "usage:" --help
expect 2 "usage:"
expect 2 "usage:" uci_har "$work/a" more
expect 2 "dataset is 'imagenet', expected uci_har" imagenet "$work/a"
expect 2 "option is '--force'" --force uci_har "$work/a"
expect 2 "--url needs a value" uci_har --url
expect 2 "expected 64 hexadecimal digits" --sha256 12ab uci_har "$work/a"

# Success, by options, with an archive in the archive; what is there is left alone.
expect 0 "$work/a/uci_har" --url "$site/uci_har.zip" --sha256 "$(sum uci_har.zip)" uci_har "$work/a"
[[ $(cat "$work/a/uci_har/UCI HAR Dataset/README.txt") == "the set" ]]
expect_only "$work/a" "./uci_har "
expect 0 "is there already" --url "$site/none" uci_har "$work/a"

# A wrong checksum: the given one, and the one that the script knows.
expect 3 "expected $(printf '0%.0s' {1..64})" --url "$site/uci_har.zip" \
    --sha256 "$(printf '0%.0s' {1..64})" uci_har "$work/b"
expect 3 "expected c00b803081a5c797" --url "$site/uci_har.zip" uci_har "$work/b"
expect_only "$work/b" ""

# A missing file, a silent server, an archive that is none, one without the dataset.
expect 6 "download failed: $site/none.zip" --url "$site/none.zip" uci_har "$work/b"
expect 6 "download failed" --url "http://127.0.0.1:1/uci_har.zip" uci_har "$work/b"
expect 3 "neither a zip nor a tar file" --url "$site/garbage" --sha256 "$(sum garbage)" uci_har "$work/b"
expect 3 "holds no folder 'UCI HAR Dataset'" --url "$site/empty.zip" --sha256 "$(sum empty.zip)" uci_har "$work/b"
expect_only "$work/b" ""

# Trust on first use, by environment: the sum is shown, kept and demanded.
export SMLDIST_DATA=$work/c SMLDIST_DATASET_URL=$site/wisdm.tar.gz
expect 0 "$(sum wisdm.tar.gz)" wisdm
[[ -e $work/c/wisdm/WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt ]]
grep -q "^$(sum wisdm.tar.gz)  $site/wisdm.tar.gz$" "$work/c/wisdm.sha256"
rm -r "$work/c/wisdm"
SMLDIST_DATASET_URL=$site/changed.tar.gz expect 3 "expected $(sum wisdm.tar.gz)" wisdm
expect_only "$work/c" "./wisdm.sha256 "
SMLDIST_DATASET_SHA256=$(sum changed.tar.gz) expect 3 "expected $(sum changed.tar.gz)" wisdm
expect 0 "$work/c/wisdm" wisdm
expect_only "$work/c" "./wisdm ./wisdm.sha256 "

# A destination that cannot be made.
touch "$work/file"
expect 6 "cannot be made" wisdm "$work/file/below"
echo "scripts/get_dataset: all as expected"
