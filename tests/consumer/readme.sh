#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# readme.sh README MAIN WORK PREFIX COMPILER: the first ```cmake block of README with `project(` is a consumer's whole
# CMakeLists.txt. It is configured against PREFIX in an empty folder, with MAIN under the name that the block gives its
# source, and every program that it builds is run.
set -euo pipefail
readme=$1 main=$2 work=$3 prefix=$4 compiler=$5
if [[ ! -e $readme ]]; then
    echo "skipped: there is no README.md"
    exit 77
fi
rm -rf "$work"
mkdir -p "$work"
awk '/^```cmake *$/ { inside = 1; text = ""; next }
     inside && /^``` *$/ { inside = 0; if (text ~ /project\(/) { printf "%s", text; exit } }
     inside { text = text $0 "\n" }' "$readme" >"$work/CMakeLists.txt"
source=$(grep -oE '[A-Za-z0-9_]+\.cpp' "$work/CMakeLists.txt" | head -n 1) || {
    echo "README.md holds no \`\`\`cmake block with project() and a .cpp file" >&2
    exit 1
}
cp "$main" "$work/$source"
cmake -S "$work" -B "$work/build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$work/bin"
cmake --build "$work/build"
for program in "$work"/bin/*; do "$program"; done
