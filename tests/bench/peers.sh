#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The driver of bench/peers without any peer: one case of each task, valid JSON that names what is missing.
#     peers.sh SOURCE PROGRAMS FOLDER
set -euo pipefail
source=$1 programs=$2 folder=$3
mkdir -p "$folder"
run() { "$source/bench/peers/run" --bin "$programs" --no-peers --threads 1 --rounds 1 --seconds 0.001 --quiet "$@"; }

run --models har_student --json "$folder/result.json"
python3 - "$folder/result.json" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
keys = [f"har_student/{task}/b{batch}/t1"
        for task, batches in (("inference", (1, 32, 256)), ("train", (64, 256)), ("distill", (64, 256))) for batch in batches]
assert list(result["peers"]["cases"]) == keys, result["peers"]["cases"].keys()
assert all(case["ours_ns"] > 0 for case in result["peers"]["cases"].values())
assert result["ratios"] == {} and result["peers"]["missing"], "a ratio without a peer"
cold = result["peers"]["cold"]["har_student"]["smldist"]
assert 0 < cold["disk_mb"] <= 0.6 and cold["peak_mb"] <= 16, cold
assert result["machine"]["cores"] >= 1
PYTHON

run --models gru_64,mlp,mobilenet_v3_small_32x32 --json "$folder/others.json"
python3 - "$folder/others.json" <<'PYTHON'
import json, sys
peers = json.load(open(sys.argv[1]))["peers"]
keys = [f"{model}/{case}/t1" for model in ("gru_64", "mlp", "mobilenet_v3_small_32x32")
        for case in ("inference/b1", "inference/b256", "train/b64")]
assert list(peers["cases"]) == keys, peers["cases"].keys()
assert all(case["ours_ns"] > 0 for case in peers["cases"].values())
assert peers["cold"] == {}, "only the presets have a program that loads them"
PYTHON

if run --models no_such_model 2>"$folder/stderr"; then
    echo "an unknown model is taken" >&2
    exit 1
fi
grep --quiet "expected some of" "$folder/stderr"
