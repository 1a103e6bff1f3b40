#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# targets.sh KIND ROOT WORK SAVE WARNING…: a program that loads a model file, compiled without threads, exceptions and RTTI
# for another target, reads the file that SAVE writes here and gives the same logits.
# KIND: wasm (clang++-14 for WASI, run by node) or arm (arm-none-eabi-g++ for a Cortex-M7; run by qemu-arm when compiled for
# a processor that qemu emulates with its system calls). 77 when the compiler, or what runs the program, is missing.
set -euo pipefail
kind=$1 root=$2 work=$3 save=$4
shift 4
here=$root/tests/house/targets
flags=(-std=c++20 -fno-exceptions -fno-rtti "$@" "-I$root/include")
mkdir -p "$work"
cd "$work"

# want PROGRAM…: each is there
want() {
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "skipped: $program is not installed"
            exit 77
        }
    done
}

# links OPTION…: the compiler has a C++ library for its target
links() {
    "${compile[@]}" "$@" -x c++ - -o probe <<<'#include <vector>
int main() { return std::vector<int>(3).size() == 3 ? 0 : 1; }' 2>probe.txt || {
        echo "skipped: ${compile[0]} has no C++ library for this target: $(head -n 1 probe.txt)"
        exit 77
    }
}

# compare RUN…: its output are the logits, within 1e-4 of the largest
compare() {
    "$@" >got.txt
    awk 'function abs(x) { return x < 0 ? -x : x }
        NR == FNR { want[FNR] = $1; if (abs($1) > largest) largest = abs($1); lines = FNR; next }
        !(abs($1 - want[FNR]) <= 1e-4 * largest) { print "logit " FNR " is " $1 ", expected " want[FNR]; wrong = 1 }
        END { if (FNR != lines || lines == 0) { print FNR " logits, expected " lines; wrong = 1 }; exit wrong }' \
        want.txt got.txt
}

case $kind in
wasm)
    want clang++-14 node
    compile=(clang++-14 --target=wasm32-wasi "${flags[@]}")
    links
    run=(node --experimental-wasi-unstable-preview1 --no-warnings "$here/wasi.mjs" classify.wasm "$work" /model.safetensors)
    for feature in -mno-simd128 -msimd128; do
        "${compile[@]}" "$feature" -fsyntax-only -x c++ "$root/include/smldist/runtime/program.hpp"
        "${compile[@]}" "$feature" -fsyntax-only -x c++ "$root/include/smldist/deploy/load.hpp"
    done
    "$save" model.safetensors >want.txt
    for feature in -mno-simd128 -msimd128; do
        "${compile[@]}" "$feature" -O2 "$here/classify.cpp" -o classify.wasm
        compare "${run[@]}"
        echo "wasm $feature: $(stat -c %s classify.wasm) bytes"
    done
    ;;
arm)
    want arm-none-eabi-g++
    compile=(arm-none-eabi-g++ "${flags[@]}" -Wno-psabi -Os -ffunction-sections -fdata-sections
        --specs=rdimon.specs)
    links -mcpu=cortex-m7
    for unit in program load; do
        "${compile[@]}" -mcpu=cortex-m7 -c "$root/tests/house/budget/$unit.cpp" -o "$unit.o"
        arm-none-eabi-size "$unit.o"
    done
    want qemu-arm
    "$save" model.safetensors >want.txt
    "${compile[@]}" -mcpu=cortex-a7 -marm -Wl,--gc-sections "$here/classify.cpp" -o classify.elf
    compare qemu-arm -cpu cortex-a15 classify.elf model.safetensors
    ;;
*)
    echo "targets.sh: kind is $kind, expected wasm or arm" >&2
    exit 2
    ;;
esac
