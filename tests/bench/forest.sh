#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/evidence/forest: its figures on a table whose figures are known, and the whole way from har to JSON.
#     forest.sh SOURCE HAR FOLDER
set -euo pipefail
source=$1 har=$2 folder=$3
if ! /usr/bin/python3 -c "import sklearn" 2>/dev/null; then
    echo "skipped: scikit-learn (Debian package python3-sklearn) is not installed"
    exit 77
fi
mkdir -p "$folder"
forest() { "$source/bench/evidence/forest" --har "$har" --threads 1 --quiet "$@"; }

cat >"$folder/small.csv" <<'CSV'
split,person,label,"a, b",c
train,anna,rest,0,1
train,anna,rest,0.1,1
train,ben,rest,0.2,1
train,ben,walk,5,1
test,cleo,rest,0,1
test,cleo,rest,0.1,1
test,cleo,walk,5.1,1
test,dora,walk,5,1
test,dora,walk,0,1
CSV
echo '{"seed":3,"student":{"accuracy":0.5,"macro_f1":0.25,"worst_subject":7,"worst_subject_f1":0.125,"preset":"har_nano"}}' >"$folder/a.json"
echo '{"seed":4,"student":{"accuracy":0.7,"macro_f1":0.75,"worst_subject":8,"worst_subject_f1":0.375,"preset":"har_nano"}}' >"$folder/b.json"
forest --table "$folder/small.csv" --seeds 2 --networks "$folder/a.json" "$folder/b.json" --json "$folder/small.json" >"$folder/small.txt"
forest --table "$folder/small.csv" --seeds 2 --folds people --json "$folder/people.json" --markdown >"$folder/people.txt"
forest --data synthetic --seeds 2 --trees 20 --json "$folder/synthetic.json" -- --max-minutes 0.3 >"$folder/synthetic.txt"
forest --data synthetic --seeds 2 --trees 20 --json "$folder/again.json" -- --max-minutes 0.3 >"$folder/again.txt"
cmp "$folder/synthetic.txt" "$folder/again.txt"
python3 - "$folder" <<'PYTHON'
import json, math, sys
def read(name):
    return json.load(open(f"{sys.argv[1]}/{name}.json"))
def near(a, b):
    assert math.isclose(a, b, abs_tol=1e-12), (a, b)

small = read("small")
assert (small["windows"], small["people"], small["features"]) == (9, 4, 2), small
rows = {(r["method"], r["seed"]): r for r in small["rows"]}
assert list(rows) == [("majority", 0), ("logistic", 0), ("forest", 0), ("forest", 1), ("student (har_nano)", 3),
                      ("student (har_nano)", 4)], list(rows)
majority = rows["majority", 0]  # always "rest": F1 4/7 of rest, 0 of walk
near(majority["accuracy"], 2 / 5)
near(majority["macro_f1"], 2 / 7)
near(majority["worst_subject_f1"], 0)
assert majority["worst_subject"] == "dora"
logistic = rows["logistic", 0]  # wrong only in the last window: F1 4/5 and 4/5
near(logistic["accuracy"], 4 / 5)
near(logistic["macro_f1"], 4 / 5)
near(logistic["worst_subject_f1"], 1 / 3)
student = {s["method"]: s for s in small["summary"]}["student (har_nano)"]
near(student["macro_f1"]["mean"], 0.5)
near(student["macro_f1"]["sd"], math.sqrt(0.125))
assert student["seeds"] == 2 and student["worst_subjects"] == ["7", "8"], student

people = {s["method"]: s for s in read("people")["summary"]}
near(people["majority"]["accuracy"]["mean"], 3 / 9)  # "walk" for anna, "rest" for the others: 0 of 2, 1 of 2, 2 of 3, 0 of 2

synthetic = read("synthetic")
summary = {s["method"]: s for s in synthetic["summary"]}
assert synthetic["people"] == 22 and synthetic["features"] == 516 and summary["forest"]["seeds"] == 2, summary
assert summary["forest"]["macro_f1"]["mean"] > 0.8 > 0.2 > summary["majority"]["macro_f1"]["mean"], summary
assert synthetic["machine"]["versions"]["sklearn"]
PYTHON
grep --quiet "^| forest | 2 |" "$folder/people.txt"
grep --quiet "^student (har_nano) *2 *0.6000 ± 0.1414 *0.5000 ± 0.3536 *0.2500 ± 0.1768  7, 8$" "$folder/small.txt"

refused() { # TEXT ARGUMENT…
    local text=$1
    shift
    if forest "$@" 2>"$folder/stderr"; then
        echo "accepted: $*" >&2
        exit 1
    fi
    grep --quiet -- "$text" "$folder/stderr"
}
refused "is no table of har features" --table "$folder/a.json"
refused "har features ended with 2" --data imagenet=here
refused "har features ended with 3" --data uci_har=nowhere
refused "has no network with figures" --table "$folder/small.csv" --networks "$folder/small.json"
refused "whole number, at least 1" --seeds 0
head -5 "$folder/small.csv" >"$folder/train.csv"
refused "one side of the split has no windows" --table "$folder/train.csv"
