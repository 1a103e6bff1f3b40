#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# snippets.sh ROOT WORK APART COMPILER…: every block ```cpp of README.md and docs/*.md that holds `int main` compiles, by
# itself too if APART is 1, and, run, returns 0. The programs that run are one unit, each in a namespace: what they share is
# compiled once. At least one block stands in README.md.
set -euo pipefail
root=$1 work=$2 apart=$3
shift 3
rm -rf "$work"
mkdir -p "$work"

while IFS= read -r page; do
    # Each block becomes PAGE_LINE.cpp, the name an identifier, its lines numbered as in the page.
    name=$(basename "$page" .md)
    awk -v page="$page" -v stem="$work/${name//[^A-Za-z0-9_]/_}_" '
        !inside && /^```cpp *$/ { inside = 1; start = NR; text = "#line " NR + 1 " \"" page "\"\n"; next }
        inside && /^``` *$/ {
            inside = 0
            if (text ~ /int main/) { file = stem start ".cpp"; printf "%s", text > file; close(file) }
            next
        }
        inside { text = text $0 "\n" }' "$page"
done < <(find "$root/README.md" "$root/docs" -name "*.md" 2>/dev/null | sort)

shopt -s nullglob
snippets=()
for source in "$work"/*.cpp; do
    if [[ $apart == 1 ]]; then "$@" -fsyntax-only "$source"; fi
    snippets+=("$(basename "$source" .cpp)")
done
[[ ! -e $root/README.md || "${snippets[*]}" == *README_* ]] || {
    echo "README.md holds no \`\`\`cpp block with int main" >&2
    exit 1
}

mkdir "$work/all"
{
    echo "#include <string_view>"
    for name in "${snippets[@]}"; do grep '^#include' "$work/$name.cpp" || true; done
    for name in "${snippets[@]}"; do
        echo "namespace $name {"
        sed 's/^#include.*//' "$work/$name.cpp"
        echo "}"
    done
    echo "int main(int, char** arguments) {"
    for name in "${snippets[@]}"; do echo "if (arguments[1] == std::string_view(\"$name\")) return $name::main();"; done
    echo "return 2; }"
} >"$work/all/all.cpp"
"$@" -O1 -Werror=return-type "$work/all/all.cpp" -o "$work/all/all"
for name in "${snippets[@]}"; do
    echo "$name"
    mkdir "$work/$name"
    (cd "$work/$name" && "$work/all/all" "$name")
done
echo "${#snippets[@]} snippets compiled and run"
