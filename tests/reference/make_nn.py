#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes nn.safetensors: what PyTorch computes in float64 for the layers of include/smldist/nn and for op::hopfield.

Run with a Python that has torch (made with 1.13):  python3 make_nn.py

Every case <layer>/<case>/ holds inputs 0, 1, … (half precision), parameters and buffers p.<path> (half precision), y, dy
(half precision), the gradients with respect to the inputs d0, d1, … and to the parameters d.<path>, and the updated
running statistics r.<path>. Activations are (B, L, C). The metadata entry "cases" is a JSON list of the cases with
their options.
"""
import itertools
import json
import math
import os

import numpy
import torch

import layers
from layers import first, last, randomise, state
from safetensors_numpy import save

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240922)
arrays, cases = {}, []


def store(name, value, dtype=numpy.float64):
    arrays[name] = value.detach().numpy().astype(dtype)


def half(*shape):
    return torch.randn(shape).half().double()


def write(layer, inputs, function, parameters=(), **options):
    """One case: runs function(*inputs), differentiates it, stores everything."""
    case = f"{layer}/{sum(c['layer'] == layer for c in cases)}/"
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = function(*inputs)
    dy = half(*y.shape)
    y.backward(dy)
    for i, x in enumerate(inputs):
        store(f"{case}{i}", x, numpy.float16)
        store(f"{case}d{i}", torch.zeros_like(x) if x.grad is None else x.grad)
    for path, p in parameters:
        store(f"{case}d.{path}", p.grad)
    store(case + "y", y)
    store(case + "dy", dy, numpy.float16)
    cases.append({"layer": layer, **options})
    return case


def write_module(layer, module, inputs, function=None, train=False, **options):
    randomise(module)
    before = {k: v.clone() for k, v in state(module).items()}
    module.train(train)
    options = {**options, "train": train} if any("running" in k for k in before) else options
    case = write(layer, inputs, function or module, list(module.named_parameters()), **options)
    for path, value in before.items():
        store(f"{case}p.{path}", value, numpy.float16)
        if train and "running" in path:
            store(f"{case}r.{path}", state(module)[path])


def over_time(module):
    return lambda x: last(module(first(x)))


def op_hopfield():
    shapes = [((3, 4), (5, 4)), ((2, 3, 4), (5, 4)), ((2, 3, 4), (2, 5, 4)), ((4, 17), (9, 17))]
    # Without eps every state makes all updates; with 0.3 some stop early.
    for (q, keys), updates, beta, eps in itertools.product(shapes, (0, 1, 2, 3), (0.5, 2.0), (0.0, 0.3)):
        if updates < 2 and eps:
            continue
        write("op_hopfield", [half(*q), half(*keys), torch.tensor([beta])],
              lambda q, keys, beta: layers.hopfield(q, keys, beta, updates, eps), updates=updates, eps=eps)


def association():
    for heads, updates, shared in itertools.product((1, 2), (0, 1, 2, 3), (False, True)):
        normalise = (heads + updates) % 2 == 0
        options = {"heads": heads, "updates": updates, "normalise": normalise, "eps": 0.0 if shared else 0.05,
                   "head_width": 3 if shared else 0, "pattern_width": 2 if normalise else 0,
                   "out": 4 if shared else 0, "beta": 0.0 if normalise else 2.0}
        many = () if shared else (2,)
        module = layers.hopfield_association(4, 5, 3, **options)
        write_module("hopfield_association", module, [half(2, 3, 4), half(*many, 5, 5), half(*many, 5, 3)], **options)


def lookup():
    for heads, updates in itertools.product((1, 2), (0, 1, 2, 3)):
        module = layers.hopfield_lookup(4, 6, heads=heads, updates=updates, eps=0.0)
        write_module("hopfield_lookup", module, [half(2, 3, 4)], heads=heads, updates=updates)


def pooling_and_classifier():
    for heads, updates, quantity in itertools.product((1, 2), (0, 1, 2), (1, 3)):
        module = layers.hopfield_pooling(4, quantity, heads=heads, updates=updates, eps=0.05, out=3)
        write_module("hopfield_pooling", module, [half(2, 5, 4)], heads=heads, updates=updates, quantity=quantity)
    for heads in (1, 2):
        module = layers.hopfield_classifier(4, 6, 3, heads=heads)
        write_module("hopfield_classifier", module, [half(5, 4)], heads=heads)


def memory_heads():
    for heads, updates, massive in itertools.product((2, 4), (0, 1, 2), (False, True)):
        module = layers.memory(5, 3, 2, 4, updates, 3.0, 0.5, torch.randn(6) if massive else None, heads)
        write_module("memory", module, [half(4, 5)], lambda f: torch.cat(module(f)[::-1], -1), updates=updates,
                     kappa=0.5, massive=massive, heads=heads)


def memory():
    for updates, kappa in itertools.product((0, 1, 2), (0.0, 0.5, 1.0)):
        massive = (updates + 2 * kappa) % 2 == 1
        mass = torch.randn(6) if massive else None
        module = layers.memory(5, 3, 2, 4, updates, 3.0, kappa, mass)
        # logits, scores and retrieved patterns side by side
        write_module("memory", module, [half(4, 5)], lambda f: torch.cat(module(f)[::-1], -1), updates=updates,
                     kappa=kappa, massive=massive)


class prototype(torch.nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(classes, features))
        self.log_scale = torch.nn.Parameter(torch.zeros(1))

    def forward(self, f):
        scale = self.log_scale.clamp(0, math.log(100)).exp()
        return scale * torch.nn.functional.normalize(f) @ torch.nn.functional.normalize(self.weight).T


class mlp(torch.nn.Module):
    def __init__(self, features, hidden, classes):
        super().__init__()
        self.down, self.up = torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)

    def forward(self, f):
        return self.up(torch.nn.functional.hardswish(self.down(f)))


def heads():
    for rows in (1, 4):
        write_module("prototype", prototype(5, 3), [half(rows, 5)])
        write_module("mlp", mlp(5, 7, 3), [half(rows, 5)])


def blocks():
    for activation, stride, train in itertools.product(("-", "RE", "HS", "SELU"), (1, 2), (False, True)):
        causal = (activation in ("RE", "SELU")) != (stride == 2)
        options = {"stride": stride, "activation": activation, "causal": causal}
        module = layers.conv_norm(3, 4, 5, **options)
        write_module("conv_norm", module, [half(2, 7, 3)], over_time(module), train, **options)
    for activation, stride, train in itertools.product(("RE", "HS"), (1, 2), (False, True)):
        options = {"stride": stride, "activation": activation, "causal": (activation == "RE") != (stride == 2)}
        module = layers.depthwise_separable(3, 4, 3, **options)
        write_module("depthwise_separable", module, [half(2, 7, 3)], over_time(module), train, **options)
    for channels, squeezed in ((3, 2), (17, 8)):
        module = layers.squeeze_excite(channels, squeezed)
        write_module("squeeze_excite", module, [half(2, 5, channels)], over_time(module), channels=channels,
                     squeezed=squeezed)
    activations = itertools.cycle(("RE", "HS", "SELU"))
    for train, expanded, squeezed, stride in itertools.product((False, True), (4, 6), (0, 3), (1, 2)):
        activation = next(activations)
        out = 4 if squeezed == 0 else 5  # with a residual connection where the stride is 1
        options = {"expanded": expanded, "out": out, "kernel_size": 3, "stride": stride, "squeezed": squeezed,
                   "activation": activation, "causal": activation == "HS"}
        module = layers.inverted_residual(4, **options)
        write_module("inverted_residual", module, [half(2, 6, 4)], over_time(module), train, **options)


def recurrent():
    for hidden in (1, 4, 9):
        write_module("gru_cell", torch.nn.GRUCell(5, hidden), [half(3, 5), half(3, hidden)], hidden=hidden)


if __name__ == "__main__":
    for family in (op_hopfield, association, lookup, memory, blocks, heads, pooling_and_classifier, memory_heads,
                   recurrent):
        family()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
