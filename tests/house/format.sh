#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# format.sh ROOT CLANG_FORMAT: every C++ file is as clang-format 14 would leave it.
set -euo pipefail
cd "$1"
if [[ $2 == *NOTFOUND ]]; then
    echo "skipped: clang-format-14 is not installed"
    exit 77
fi
find . -path ./build -prune -o \( -name '*.hpp' -o -name '*.cpp' -o -name '*.ipp' \) -print0 | xargs -0 -r "$2" --dry-run -Werror
