#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes elementwise.safetensors: what PyTorch computes for the ops that map, choose and move elements.

Run with a Python that has torch (made with 1.13):  python3 make_elementwise.py
Inputs are drawn in float32, PyTorch computes in float64, everything is stored in float32. Arrays are named
<op>/<case>/<array>: inputs x, a, b, w, …; y; dy, the fixed gradient by y; and dx, da, … by each input that has one.
Masks and indices are stored as numbers. The metadata entry "cases" is a JSON list of every case with its options.
"""
import json
import os

import numpy
import torch
import torch.nn.functional as F

from safetensors_numpy import save

torch.manual_seed(20261130)
arrays, cases = {}, []


def normal(*shape):
    return torch.randn(shape).double()


def write(op, case, inputs, function, constant=(), **options):
    """One case: runs function(**inputs), differentiates it by all inputs that are not constant, stores everything."""
    inputs = {k: v.float().double() for k, v in inputs.items()}
    leaves = {k: v.clone().requires_grad_(k not in constant) for k, v in inputs.items()}
    y = function(**leaves)
    out = {**inputs, "y": y}
    if y.requires_grad:
        dy = normal(*y.shape)
        wanted = [k for k in leaves if k not in constant]
        gradients = torch.autograd.grad(y, [leaves[k] for k in wanted], dy)
        out.update({"dy": dy, **{"d" + k: g for k, g in zip(wanted, gradients)}})
    for k, v in out.items():
        arrays[f"{op}/{case}/{k}"] = v.detach().numpy().astype(numpy.float32)
    cases.append({"op": op, "case": case, **options})


def maps():
    grid = torch.linspace(-9, 9, 73).double().reshape(1, 73)  # multiples of 1/4, 0 among them
    write("silu", "grid", {"x": grid}, lambda x: F.silu(x))
    write("softplus", "grid", {"x": grid}, lambda x: F.softplus(x))
    write("sqrt", "grid", {"x": grid[grid > 0].reshape(1, -1)}, lambda x: x.sqrt())
    write("abs", "grid", {"x": grid}, lambda x: x.abs())
    for slope in (0.01, 0.3, -0.5, 2.0):
        write("leaky_relu", f"{slope:g}", {"x": grid}, lambda x: F.leaky_relu(x, slope), slope=slope)
    whole = torch.tensor([-2.0, -1.25, -0.5, 0.0, 0.25, 1.0, 1.75]).double()
    for p in (0, 1, 2, 3, 5, 8, 9, 12):
        write("pow", f"{p}", {"x": whole}, lambda x: x.pow(p), exponent=p)
    for p in (-1, -2, -3, -9):  # the gradient at 0 is infinite
        write("pow", f"{p}", {"x": whole[whole != 0]}, lambda x: x.pow(p), exponent=p)
    for p in (0.5, 1.5, -0.5, 2.25):
        write("pow", f"{p:g}", {"x": whole[whole > 0]}, lambda x: x.pow(p), exponent=p)


AXES = [(axis, keepdim) for keepdim in (False, True) for axis in (0, 1, 2, -1)]


def extremes():
    ties = torch.randint(-3, 3, (3, 5, 4)).double()
    for axis, keepdim in AXES:
        case, options = f"{axis}_{keepdim:d}", {"axis": axis, "keepdim": keepdim}
        write("max", case, {"x": ties}, lambda x: x.max(axis, keepdim).values, **options)
        write("min", case, {"x": ties}, lambda x: x.min(axis, keepdim).values, **options)
        write("argmax", case, {"x": ties}, lambda x: x.argmax(axis, keepdim), **options)
        write("argmin", case, {"x": ties}, lambda x: x.argmin(axis, keepdim), **options)
    x = normal(3, 5, 4)
    write("max", "all_0", {"x": x}, lambda x: x.max(), axis="all")
    write("min", "all_0", {"x": x}, lambda x: x.min(), axis="all")
    write("argmax", "all_0", {"x": x}, lambda x: x.argmax(), axis="all")
    write("argmin", "all_0", {"x": x}, lambda x: x.argmin(), axis="all")
    for axis in (0, 1, 2, -1, -2):
        write("cumsum", f"{axis}", {"x": normal(3, 5, 4)}, lambda x: x.cumsum(axis), axis=axis)


def moves():
    for axes in ((0, 2, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 1, 2)):
        write("permute", "".join(map(str, axes)), {"x": normal(2, 3, 5)}, lambda x: x.permute(axes), axes=axes)
    write("permute", "0213", {"x": normal(2, 3, 4, 5)}, lambda x: x.permute(0, 2, 1, 3))
    write("permute", "3120", {"x": normal(2, 3, 4, 5)}, lambda x: x.permute(3, 1, 2, 0))
    for a, b in ((0, 1), (-1, -2), (0, -1), (1, 1)):
        write("transpose", f"{a}_{b}", {"x": normal(2, 3, 5)}, lambda x: x.transpose(a, b), a=a, b=b)
    for amounts, value in (((1, 2), 0.0), ((0, 0, 3, 1), 0.5), ((2, 1, 0, 1, 1, 0), -1.5), ((), 1.0)):
        write("pad", "_".join(map(str, amounts)) or "none", {"x": normal(2, 3, 4)},
              lambda x: F.pad(x, amounts, value=value) if amounts else x.clone(), amounts=amounts, value=value)


WHERE = [  # shapes of mask, a and b
    ((2, 3, 4), (2, 3, 4), (2, 3, 4)), ((3, 4), (2, 3, 4), (2, 3, 4)), ((2, 3, 1), (2, 3, 4), ()),
    ((2, 3, 4), (4,), (3, 1)), ((2, 1, 1), (2, 3, 4), (1, 3, 4)), ((), (2, 3), (3,)), ((4,), (), ()),
]


def extents(shape):
    return "x".join(map(str, shape)) or "scalar"


def choices():
    for mask, a, b in WHERE:
        write("where", f"{extents(mask)}_{extents(a)}_{extents(b)}",
              {"mask": torch.randint(0, 2, mask).double(), "a": normal(*a), "b": normal(*b)},
              lambda mask, a, b: torch.where(mask != 0, a, b), constant=("mask",))
    for shape in ((2, 5), (7,), (), (2, 1, 3)):
        write("embedding", extents(shape), {"index": torch.randint(0, 4, shape).double(), "w": normal(4, 6)},
              lambda index, w: F.embedding(index.long(), w), constant=("index",))
    for axis, shape in ((0, (3, 2, 5)), (1, (2, 7, 4)), (2, (3, 4, 2)), (-1, (3, 4, 9)), (-2, (1, 3, 5)), (1, (3, 4, 5))):
        write("gather", f"{axis}_{extents(shape)}",
              {"x": normal(3, 4, 5), "index": torch.randint(0, (3, 4, 5)[axis], shape).double()},
              lambda x, index: x.gather(axis, index.long()), constant=("index",), axis=axis)


if __name__ == "__main__":
    for family in (maps, extremes, moves, choices):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "elementwise.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
