#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes recurrent.safetensors: what PyTorch computes for recurrent layers, attention and batched matrix products.

Run with a Python that has torch (made with 1.13):  python3 make_recurrent.py
Inputs are drawn in float32, PyTorch computes in float64, everything is stored in float32. Arrays are named
<op>/<case>/<array>: the inputs, among them a layer's parameters by their names in PyTorch; y; dy, the fixed gradient by y;
and d<input> by each input. Outputs of one case are joined in y, flattened and one after the other.
"""
import itertools
import os

import numpy
import torch

from safetensors_numpy import save

torch.manual_seed(20260316)
arrays = {}


def normal(*shape):
    return torch.randn(shape).double()


def write(name, inputs, function):
    """One case: runs function(inputs), differentiates it, stores everything."""
    leaves = {k: v.detach().float().double().requires_grad_() for k, v in inputs.items()}
    y = function(leaves)
    dy = normal(*y.shape)
    gradients = torch.autograd.grad(y, list(leaves.values()), dy)
    out = {**leaves, "y": y, "dy": dy, **{"d" + k: g for k, g in zip(leaves, gradients)}}
    for k, v in out.items():
        arrays[f"{name}/{k}"] = v.detach().numpy().astype(numpy.float32)


def run_recurrent(layer, leaves, x, state):
    """The layer with the parameters of `leaves`; torch.nn.GRU and LSTM hold lists of theirs, which functional_call misses."""
    weights = [leaves[k] for k, _ in layer.named_parameters()]
    if layer.mode == "GRU":
        y, h = torch.gru(x, state[0], weights, layer.bias, layer.num_layers, 0.0, False, layer.bidirectional, True)
        return y, [h]
    y, h, c = torch.lstm(x, state, weights, layer.bias, layer.num_layers, 0.0, False, layer.bidirectional, True)
    return y, [h, c]


def recurrent():
    """One layer in one direction, as op::gru and op::lstm; L = 1 is a step."""
    for kind, bias, first, reverse in itertools.product(("gru", "lstm"), (True, False), (True, False), (False, True)):
        B, L, C, H = 2, 4, 3, 5
        layer = getattr(torch.nn, kind.upper())(C, H, bias=bias, batch_first=True).double()
        inputs = {"x": normal(B, L, C), **{k: v for k, v in layer.named_parameters()}}
        if first:
            inputs["h0"] = normal(B, H)
            if kind == "lstm":
                inputs["c0"] = normal(B, H)

        def run(leaves):
            x = leaves["x"].flip(1) if reverse else leaves["x"]
            zeros = torch.zeros(B, H).double()
            y, last = run_recurrent(layer, leaves, x, [leaves.get(k, zeros)[None] for k in ("h0", "c0")])
            y = y.flip(1) if reverse else y
            return torch.cat([y, last[1][0][:, None]], 1) if kind == "lstm" else y

        write(f"{kind}/bias{bias:d}_first{first:d}_reverse{reverse:d}", inputs, run)


def layers():
    """Whole layers: outputs and last states of nn.GRU and nn.LSTM."""
    for kind, count, both in itertools.product(("gru", "lstm"), (1, 2), (False, True)):
        B, L, C, H = 2, 3, 2, 3
        layer = getattr(torch.nn, kind.upper())(C, H, count, bidirectional=both, batch_first=True).double()
        N = count * (2 if both else 1)
        inputs = {"x": normal(B, L, C), "h0": normal(N, B, H), **({"c0": normal(N, B, H)} if kind == "lstm" else {}),
                  **{k: v for k, v in layer.named_parameters()}}

        def run(leaves):
            y, last = run_recurrent(layer, leaves, leaves["x"], [leaves[k] for k in ("h0", "c0") if k in leaves])
            return torch.cat([y.flatten()] + [s.flatten() for s in last])

        write(f"{kind}_layer/{count}_{both:d}", inputs, run)


def matmul():
    for a, b in (((2, 3, 4, 5), (2, 3, 5, 2)), ((2, 3, 4, 5), (5, 2)), ((4, 5), (2, 3, 5, 2)), ((3, 4, 5), (2, 3, 5, 2)),
                 ((2, 1, 4, 5), (1, 3, 5, 2)), ((2, 1, 4, 5), (3, 5, 2)), ((1, 4, 5), (3, 5, 2)), ((3, 4, 5), (1, 5, 2))):
        for ta, tb in itertools.product((False, True), (False, True)):
            swap = lambda s, t: (*s[:-2], s[-1], s[-2]) if t else s
            name = "x".join(map(str, a)) + "_" + "x".join(map(str, b)) + f"_{'nt'[ta]}{'nt'[tb]}"
            turn = lambda v, t: v.transpose(-1, -2) if t else v
            write(f"matmul/{name}", {"a": normal(*swap(a, ta)), "b": normal(*swap(b, tb))},
                  lambda v: torch.matmul(turn(v["a"], ta), turn(v["b"], tb)))


def attention():
    B, Lq, Lk, E = 2, 3, 4, 6
    for heads, bias, widths in itertools.product((1, 2), (True, False), ((6, 6), (5, 3))):
        layer = torch.nn.MultiheadAttention(E, heads, bias=bias, kdim=widths[0], vdim=widths[1], batch_first=True).double()
        inputs = {"q": normal(B, Lq, E), "k": normal(B, Lk, widths[0]), "v": normal(B, Lk, widths[1]),
                  **{n: normal(*p.shape) * 0.5 for n, p in layer.named_parameters()}}
        padding = torch.tensor([[False, False, False, True], [False, False, False, False]])
        additive = normal(Lq, Lk).float().double()
        causal = torch.triu(torch.full((Lq, Lk), float("-inf")).double(), 1)
        for mask in ("none", "padding", "additive", "causal") if bias else ("none",):
            case = f"attention/heads{heads}_bias{bias:d}_k{widths[0]}v{widths[1]}_{mask}"
            given = {"attn_mask": additive if mask == "additive" else causal if mask == "causal" else None,
                     "key_padding_mask": padding if mask == "padding" else None}

            def run(leaves):
                parameters = {k: leaves[k] for k, _ in layer.named_parameters()}
                return torch.nn.utils.stateless.functional_call(
                    layer, parameters, (leaves["q"], leaves["k"], leaves["v"]), given)[0]

            write(case, inputs, run)
            if mask == "additive":
                arrays[case + "/mask"] = additive.numpy().astype(numpy.float32)


if __name__ == "__main__":
    for family in (recurrent, layers, matmul, attention):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "recurrent.safetensors"), arrays, {"made_with": "torch " + torch.__version__})
    print(len(arrays), "arrays")
