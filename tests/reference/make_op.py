#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes op.safetensors: what PyTorch computes for every op of include/smldist/op, outputs and gradients.

Run with a Python that has torch (made with 1.13):  python3 make_op.py
Inputs are drawn in float32, PyTorch computes in float64, everything is stored in float32. Arrays are named
<op>/<case>/<array>: inputs x, w, b, a, …; y; dy, the fixed gradient by y; and dx, dw, … by each input.
Activations are (B, L, C) as in smldist; the metadata entry "cases" is a JSON list of every case with its options.
"""
import itertools
import json
import os

import numpy
import torch
import torch.nn.functional as F

from safetensors_numpy import save

torch.manual_seed(20240920)
arrays, cases = {}, []


def normal(*shape):
    return torch.randn(shape).double()


def write(op, case, inputs, function, extra=None, constant=(), **options):
    """One case: runs function(**inputs), differentiates it, stores everything."""
    inputs = {k: v.float().double() for k, v in inputs.items()}
    leaves = {k: v.clone().requires_grad_(k not in constant) for k, v in inputs.items()}
    y = function(**leaves)
    dy = normal(*y.shape)
    wanted = [k for k in leaves if k not in constant]
    gradients = torch.autograd.grad(y, [leaves[k] for k in wanted], dy)
    out = {**inputs, "y": y, "dy": dy, **{"d" + k: g for k, g in zip(wanted, gradients)}, **(extra() if extra else {})}
    for k, v in out.items():
        arrays[f"{op}/{case}/{k}"] = v.detach().numpy().astype(numpy.float32)
    cases.append({"op": op, "case": case, **options})


def time_first(x):
    """(B, L, C) to PyTorch's (B, C, L), and back."""
    return x.transpose(1, 2)


def pointwise():
    grid = torch.linspace(-9, 9, 73).double().reshape(1, 73)  # includes every kink: multiples of 1/4
    functions = {
        "relu": F.relu, "relu6": F.relu6, "hard_sigmoid": F.hardsigmoid, "selu": F.selu,
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp,
    }
    for name, f in functions.items():
        write(name, "grid", {"x": grid}, f_of_x(f))
    # PyTorch 1.13 gives hard_swish the slopes -1/2 and 3/2 exactly at -3 and 3; newer ones 0 and 1, as here.
    write("hard_swish", "grid", {"x": grid[grid.abs() != 3].reshape(1, -1)}, f_of_x(F.hardswish))
    write("log", "grid", {"x": grid[grid > 0].reshape(1, -1)}, f_of_x(torch.log))
    write("affine", "scale", {"x": normal(2, 9)}, lambda x: -1.5 * x)
    write("affine", "add_scalar", {"x": normal(2, 9)}, lambda x: x + 0.75)


def gelu():  # after all others, so that their random numbers do not change
    write("gelu", "grid", {"x": torch.linspace(-9, 9, 73).double().reshape(1, 73)}, f_of_x(F.gelu))


def division():  # as gelu; the divisors are not near 0
    for a, b in SHAPES:
        divisor = normal(*b)
        divisor = divisor + torch.where(divisor < 0, -0.5, 0.5)
        write("div", f"{extents(a)}_{extents(b)}", {"a": normal(*a), "b": divisor}, lambda a, b: a / b)


def f_of_x(f):
    return lambda x: f(x)


SHAPES = [  # of the two operands of a binary op
    ((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((4,), (2, 3, 4)), ((2, 3, 4), (1, 1, 4)), ((2, 3, 4), (3, 4)),
    ((2, 3, 4), (2, 3, 1)), ((2, 1, 4), (2, 3, 4)), ((3, 1), (1, 4)), ((2, 3, 1), (3, 4)), ((2, 3, 4), (1,)),
    ((), (2, 3)), ((), ()), ((1, 1), (1,)),
]


def extents(shape):
    return "x".join(map(str, shape)) or "scalar"


def arithmetic():
    for name, f in {"add": torch.add, "sub": torch.sub, "mul": torch.mul}.items():
        for a, b in SHAPES:
            write(name, f"{extents(a)}_{extents(b)}", {"a": normal(*a), "b": normal(*b)}, lambda a, b: f(a, b))
    for B, L, C in [(2, 5, 3), (1, 1, 1), (3, 2, 17)]:
        write("gate", f"{B}x{L}x{C}", {"x": normal(B, L, C), "g": normal(B, C)}, lambda x, g: x * g[:, None, :])


def reduce():
    for name, f in {"sum": torch.sum, "mean": torch.mean}.items():
        for keepdim in (False, True):
            write(name, f"all_{keepdim:d}", {"x": normal(2, 3, 4)},
                  lambda x: f(x, dim=(0, 1, 2), keepdim=keepdim), axis="all", keepdim=keepdim)
            for axis in (0, 1, 2, -1):
                write(name, f"{axis}_{keepdim:d}", {"x": normal(2, 3, 4)},
                      lambda x: f(x, dim=axis, keepdim=keepdim), axis=axis, keepdim=keepdim)
    for B, L, C in [(2, 5, 3), (1, 1, 1), (3, 2, 17)]:
        write("mean_over_time", f"{B}x{L}x{C}", {"x": normal(B, L, C)}, lambda x: x.mean(1))
    for k, s, p in itertools.product((1, 2, 3), (1, 2, 3), (0, 1)):
        if p > k // 2:
            continue
        # whole numbers, to produce ties
        x = torch.randint(-3, 3, (2, 7, 3)).double()
        write("max_pool1d", f"k{k}_s{s}_p{p}", {"x": x},
              lambda x: time_first(F.max_pool1d(time_first(x), k, s, p)), kernel_size=k, stride=s, padding=p)


def reshape():
    write("reshape", "2x3x4_4x6", {"x": normal(2, 3, 4)}, lambda x: x.reshape(4, 6))
    write("flatten", "2x3x4", {"x": normal(2, 3, 4)}, lambda x: x.flatten(1))
    for axis, other in ((0, (1, 3, 4)), (1, (2, 2, 4)), (2, (2, 3, 1)), (-1, (2, 3, 5))):
        write("concat", f"{axis}", {"a": normal(2, 3, 4), "b": normal(*other)},
              lambda a, b: torch.cat([a, b], axis), axis=axis)
    for axis, begin, end in ((0, 1, 2), (1, 0, 2), (2, 1, 3), (-1, 0, 4), (1, 2, 3)):
        write("slice", f"{axis}_{begin}_{end}", {"x": normal(2, 3, 4)},
              lambda x: x.narrow(axis, begin, end - begin), axis=axis, begin=begin, end=end)


def softmax():
    inputs = {"3x5": normal(3, 5), "2x3x4": normal(2, 3, 4), "4x1": normal(4, 1), "2x33": 3 * normal(2, 33),
              "large": 1000 + 30 * normal(3, 6), "small": -1000 + 30 * normal(3, 6)}
    for case, x in inputs.items():
        write("softmax", case, {"x": x}, lambda x: F.softmax(x, -1))
        write("log_softmax", case, {"x": x}, lambda x: F.log_softmax(x, -1))
        write("log_sum_exp", case, {"x": x}, lambda x: torch.logsumexp(x, -1))

    label = torch.tensor([0, 2, 1, 0, 2, 2, 1])
    for kappa, massive in itertools.product((0.0, 0.5, 1.0), (False, True)):
        log_mass = normal(7) if massive else torch.zeros(7).double()

        def by_class(s, label, log_mass):
            return torch.stack([torch.logsumexp(s[:, label == n], 1) - kappa * torch.logsumexp(log_mass[label == n], 0)
                                for n in range(3)], 1)

        write("class_log_sum_exp", f"kappa{kappa:g}_{'mass' if massive else 'count'}",
              {"s": 2 * normal(4, 7), "label": label.double(), "log_mass": log_mass},
              by_class, constant=("label", "log_mass"), classes=3, kappa=kappa)


def linear():
    for rank, bias in itertools.product((1, 2, 3), (False, True)):
        x = normal(*(2, 3, 5)[3 - rank:])
        inputs = {"x": x, "w": normal(4, 5), **({"b": normal(4)} if bias else {})}
        write("linear", f"rank{rank}_bias{bias:d}", inputs, lambda x, w, b=None: F.linear(x, w, b), bias=bias)
    B, M, N, K = 2, 3, 4, 5
    for ta, tb, ra, rb in itertools.product((False, True), (False, True), (2, 3), (2, 3)):
        a = normal(*((B,) if ra == 3 else ()), *((K, M) if ta else (M, K)))
        b = normal(*((B,) if rb == 3 else ()), *((N, K) if tb else (K, N)))
        write("matmul", f"{ra}{'t' if ta else 'n'}_{rb}{'t' if tb else 'n'}", {"a": a, "b": b},
              lambda a, b: torch.matmul(a.transpose(-1, -2) if ta else a, b.transpose(-1, -2) if tb else b),
              transpose_a=ta, transpose_b=tb)


def conv1d():
    def case(L, C, O, K, stride, padding, dilation, groups, causal, bias):
        def run(x, w, b=None):
            x = time_first(x)
            if causal:
                x = F.pad(x, (dilation * (K - 1), 0))
            return time_first(F.conv1d(x, w, b, stride, padding, dilation, groups))

        inputs = {"x": normal(2, L, C), "w": normal(O, C // groups, K), **({"b": normal(O)} if bias else {})}
        name = f"l{L}_c{C}_o{O}_k{K}_s{stride}_p{padding}_d{dilation}_g{groups}_causal{causal:d}_bias{bias:d}"
        write("conv1d", name, inputs, run, stride=stride, padding=padding, dilation=dilation, groups=groups,
              causal=causal, bias=bias)

    # dense, grouped, depthwise, depthwise with two outputs per channel, over stride, padding and dilation
    for (C, O, groups), stride, padding, dilation in itertools.product(
            ((4, 6, 1), (4, 6, 2), (4, 4, 4), (4, 8, 4)), (1, 2), (0, 1, 2), (1, 2)):
        case(7, C, O, 3, stride, padding, dilation, groups, False, (stride + padding) % 2 == 0)
    for (C, O, groups), stride, dilation in itertools.product(((4, 6, 1), (4, 6, 2), (4, 4, 4)), (1, 2), (1, 2)):
        case(7, C, O, 3, stride, 0, dilation, groups, True, stride == 1)
    for stride, padding, bias in itertools.product((1, 2), (0, 1), (False, True)):
        case(5, 4, 3, 1, stride, padding, 1, 1, False, bias)  # pointwise
    case(10, 4, 6, 3, 3, 1, 1, 2, False, True)
    case(10, 4, 4, 3, 3, 1, 1, 4, False, True)
    case(8, 17, 17, 5, 2, 2, 1, 17, False, True)  # depthwise, wider than a register
    case(8, 9, 19, 5, 2, 2, 1, 1, False, True)  # dense, wider than a register
    case(1, 1, 1, 1, 1, 0, 1, 1, False, True)
    case(1, 1, 1, 3, 1, 1, 1, 1, False, False)
    case(3, 2, 2, 5, 1, 2, 1, 2, False, True)  # kernel longer than the window


def norm():
    for train, eps, momentum, shape in itertools.product(
            (True, False), (1e-5, 1e-2), (0.1, 0.3), ((2, 5, 3), (6, 3), (2, 4, 17))):
        C = shape[-1]
        inputs = {"x": normal(*shape), "w": normal(C), "b": normal(C)}
        mean, var = normal(C), (normal(C).abs() + 0.5).float().double()
        new = {"mean": mean.clone(), "var": var.clone()}

        def run(x, w, b):
            rows = x.reshape(-1, C)
            return F.batch_norm(rows, new["mean"], new["var"], w, b, train, momentum, eps).reshape(x.shape)

        extra = lambda: {"running_mean": mean, "running_var": var, "new_mean": new["mean"], "new_var": new["var"]}
        write("batch_norm", f"{'train' if train else 'eval'}_eps{eps:g}_m{momentum:g}_{len(shape)}x{C}", inputs, run,
              extra, train=train, eps=eps, momentum=momentum)
    for affine, eps, shape in itertools.product((True, False), (1e-5, 1e-2), ((3, 5), (2, 3, 17))):
        C = shape[-1]
        inputs = {"x": normal(*shape), **({"w": normal(C), "b": normal(C)} if affine else {})}
        write("layer_norm", f"affine{affine:d}_eps{eps:g}_{len(shape)}x{C}", inputs,
              lambda x, w=None, b=None: F.layer_norm(x, (C,), w, b, eps), affine=affine, eps=eps)
    write("l2_normalize", "3x5", {"x": normal(3, 5)}, lambda x: F.normalize(x, dim=-1))
    write("l2_normalize", "2x3x1", {"x": normal(2, 3, 1)}, lambda x: F.normalize(x, dim=-1))


if __name__ == "__main__":
    for family in (pointwise, arithmetic, reduce, reshape, softmax, linear, conv1d, norm, gelu, division):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "op.safetensors"), arrays, {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
