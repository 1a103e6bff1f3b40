#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# no_threads.sh ROOT EXAMPLES WORK SAVE CLASSIFY COMPILER…: CLASSIFY, compiled without threads, exceptions and RTTI, reads the
# file that SAVE writes and prints the same logits to the last bit. COMPILER defines SMLDIST_NO_THREADS: no header of the
# library then includes one for threads, and, if EXAMPLES is 1, every example compiles, except those with MPI.
set -euo pipefail
root=$1 examples=$2 work=$3 save=$4 classify=$5
shift 5
mkdir -p "$work"
cd "$work"

"$save" model.safetensors >want.txt
"$classify" model.safetensors >got.txt
cmp want.txt got.txt

echo '#include "smldist/smldist.hpp"' >all.cpp
"$@" -M all.cpp | tr ' ' '\n' >headers.txt
if grep -E '/(atomic|thread|mutex|condition_variable|shared_mutex|future|semaphore)$' headers.txt; then exit 1; fi

if [[ $examples != 1 ]]; then exit; fi
for source in "$root"/examples/*.cpp "$root"/examples/har/*.cpp; do
    if grep -q 'train/mpi.hpp' "$source"; then continue; fi # needs an MPI, whose header may be absent
    echo "$source"
    "$@" -fsyntax-only "$source"
done
