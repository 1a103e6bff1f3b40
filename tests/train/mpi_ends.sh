#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A job ends, with an error and within seconds, when one of its ranks dies; and without MPI a training is refused.
#     mpi_ends.sh PROGRAM MPIEXEC FLAG RANKS
set -euo pipefail
program=$1
shift

"$program" --no-skip --test-case="mpi: without MPI running*"

ends() { # CASE [TEXT]: the case's job fails within 30 s, and says TEXT
    local status=0 output
    output=$(timeout --kill-after=5 30 "${job[@]}" --no-skip --test-case="$1" 2>&1) || status=$?
    if [[ $status -eq 0 || $status -ge 124 && $status -le 125 ]] || [[ $output == *"the job goes on"* ]] ||
        [[ $output != *"${2-}"* ]]; then
        printf '%s\nstatus %s: %s\n' "$output" "$status" "$1" >&2
        exit 1
    fi
}
job=("$@" "$program")
ends "mpi: rank 1 is killed"
ends "mpi: rank 1 fails within a step*" "rank 1 ends the job, since the others wait for it: out of memory"
ends "mpi: an exception leaves the world on rank 1" "rank 1 ends the job"
