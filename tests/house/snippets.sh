#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# snippets.sh ROOT WORK COMPILER…: every block ```cpp of README.md and docs/*.md that holds `int main` is compiled and
# run. At least one stands in README.md.
set -euo pipefail
root=$1 work=$2
shift 2
rm -rf "$work"
mkdir -p "$work"

count=0
while IFS= read -r page; do
    # Each block becomes PAGE_LINE.cpp, its lines numbered as in the page.
    awk -v page="$page" -v stem="$work/$(basename "$page" .md)_" '
        !inside && /^```cpp *$/ { inside = 1; start = NR; text = "#line " NR + 1 " \"" page "\"\n"; next }
        inside && /^``` *$/ {
            inside = 0
            if (text ~ /int main/) { file = stem start ".cpp"; printf "%s", text > file; close(file) }
            next
        }
        inside { text = text $0 "\n" }' "$page"
done < <(find "$root/README.md" "$root/docs" -name "*.md" 2>/dev/null | sort)

for source in "$work"/*.cpp; do
    [[ -e $source ]] || break
    program=${source%.cpp}
    basename "$source"
    "$@" -O1 "$source" -o "$program"
    mkdir "$program.run"
    (cd "$program.run" && "$program")
    count=$((count + 1))
done
echo "$count snippets compiled and run"
[[ ! -e $root/README.md ]] || compgen -G "$work/README_*.cpp" >/dev/null || {
    echo "README.md holds no \`\`\`cpp block with int main" >&2
    exit 1
}
