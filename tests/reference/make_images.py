#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes images.safetensors: what PyTorch computes for the ops and layers of images, outputs and gradients.

Run with a Python that has torch (made with 1.13):  python3 make_images.py

Activations are (B, H, W, C) as in smldist. Ops are stored as by make_op.py, <op>/<case>/<array>: drawn in float32,
computed in float64, stored in float32. Layers are stored as by make_nn.py, <layer>/<number>/<array>: inputs 0, 1, …,
parameters p.<path> and dy in half precision, results in float64. The metadata entry "cases" lists the layers' cases
with their options.
"""
import itertools
import json
import os

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from layers import ACTIVATION, hard_sigmoid, randomise, state
from safetensors_numpy import save

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261130)
arrays, cases = {}, []


def normal(*shape):
    return torch.randn(shape).float().double()


def half(*shape):
    return torch.randn(shape).half().double()


def first(x):
    """(B, H, W, C) to PyTorch's (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def write_op(op, case, inputs, function):
    """One case: runs function(**inputs), differentiates it, stores everything."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    dy = normal(*y.shape)
    gradients = torch.autograd.grad(y, list(leaves.values()), dy)
    out = {**leaves, "y": y, "dy": dy, **{"d" + k: g for k, g in zip(leaves, gradients)}}
    for k, v in out.items():
        arrays[f"{op}/{case}/{k}"] = v.detach().numpy().astype(numpy.float32)


def pair(n):
    return f"{n[0]}x{n[1]}"


def conv2d():
    def case(image, C, O, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=True, batch=2):
        def run(x, w, b=None):
            return last(F.conv2d(first(x), w, b, stride, padding, dilation, groups))

        inputs = {"x": normal(batch, *image, C), "w": normal(O, C // groups, *kernel), **({"b": normal(O)} if bias else {})}
        name = (f"i{pair(image)}_c{C}_o{O}_k{pair(kernel)}_s{pair(stride)}_p{pair(padding)}_d{pair(dilation)}_g{groups}"
                f"_bias{bias:d}")
        write_op("conv2d", name, inputs, run)

    # dense, grouped, depthwise, depthwise with two outputs per channel; each pair of options along either axis
    kinds = ((4, 6, 1), (4, 6, 2), (4, 4, 4), (4, 8, 4))
    for (C, O, groups), stride, padding, dilation in itertools.product(
            kinds, ((1, 1), (2, 1), (1, 2)), ((0, 1), (1, 2)), ((1, 1), (2, 1), (1, 2))):
        case((5, 6), C, O, (3, 3), stride, padding, dilation, groups, (stride[0] + padding[0]) % 2 == 0, 1)
    for stride, padding, bias in itertools.product(((1, 1), (2, 2)), ((0, 0), (1, 0)), (False, True)):
        case((3, 4), 4, 3, (1, 1), stride, padding, bias=bias)  # pointwise
    for C, O, groups in kinds:
        case((5, 7), C, O, (2, 4), (3, 2), (1, 2), groups=groups)
    case((6, 5), 17, 17, (5, 5), (2, 2), (2, 2), groups=17)  # depthwise, wider than a register
    case((4, 14), 9, 9, (3, 3), padding=(1, 1), groups=9, batch=1)  # depthwise, whole tiles of a row
    case((6, 5), 9, 19, (5, 3), (2, 2), (2, 1))  # dense, wider than a register
    case((3, 36), 3, 5, (3, 3), (2, 2), (1, 1), batch=1)  # dense, a wide image
    case((3, 20), 2, 4, (3, 3), padding=(1, 1), dilation=(1, 2), groups=2, batch=1)
    case((1, 1), 1, 1, (1, 1))
    case((1, 1), 1, 1, (3, 3), padding=(1, 1), bias=False)
    case((3, 2), 2, 2, (5, 5), padding=(2, 2), groups=2)  # kernel larger than the image


def pooling():
    for kernel, stride, padding in itertools.product(((2, 2), (3, 2), (1, 3)), ((1, 1), (2, 1), (2, 3)), ((0, 0), (1, 1))):
        if padding[0] > kernel[0] // 2 or padding[1] > kernel[1] // 2:
            continue
        name = f"k{pair(kernel)}_s{pair(stride)}_p{pair(padding)}"
        ties = torch.randint(-3, 3, (2, 5, 6, 3)).double()  # whole numbers
        write_op("max_pool2d", name, {"x": ties}, lambda x: last(F.max_pool2d(first(x), kernel, stride, padding)))
        for count in (False, True):
            write_op("avg_pool2d", f"{name}_pad{count:d}", {"x": normal(2, 5, 6, 3)},
                     lambda x: last(F.avg_pool2d(first(x), kernel, stride, padding, count_include_pad=count)))
    for B, H, W, C in ((2, 3, 5, 3), (1, 1, 1, 1), (3, 2, 2, 17)):
        name = f"{B}x{H}x{W}x{C}"
        write_op("global_avg_pool", name, {"x": normal(B, H, W, C)}, lambda x: x.mean((1, 2)))
        write_op("gate", name, {"x": normal(B, H, W, C), "g": normal(B, C)}, lambda x, g: x * g[:, None, None, :])


class conv_norm(nn.Module):
    def __init__(self, width, out, kernel_size, stride=1, groups=1, activation="-"):
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel_size, stride, (kernel_size - 1) // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.activation = activation

    def forward(self, x):
        return ACTIVATION[self.activation](self.norm(self.conv(x)))


class depthwise_separable(nn.Module):
    def __init__(self, width, out, kernel_size, stride=1, activation="-"):
        super().__init__()
        self.depthwise = conv_norm(width, width, kernel_size, stride, width, activation)
        self.pointwise = conv_norm(width, out, 1, activation=activation)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class squeeze_excite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        return x * hard_sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))[:, :, None, None]


class inverted_residual(nn.Module):
    def __init__(self, width, expanded, out, kernel_size, stride=1, squeezed=0, activation="RE"):
        super().__init__()
        if expanded != width:
            self.expand = conv_norm(width, expanded, 1, activation=activation)
        self.depthwise = conv_norm(expanded, expanded, kernel_size, stride, expanded, activation)
        if squeezed:
            self.se = squeeze_excite(expanded, squeezed)
        self.project = conv_norm(expanded, out, 1)
        self.residual = stride == 1 and width == out

    def forward(self, x):
        h = self.expand(x) if hasattr(self, "expand") else x
        h = self.depthwise(h)
        h = self.se(h) if hasattr(self, "se") else h
        h = self.project(h)
        return h + x if self.residual else h


def write_layer(layer, module, x, train, **options):
    """One case of a layer; as write_module of make_nn.py."""
    randomise(module)
    before = {k: v.clone() for k, v in state(module).items()}
    module.train(train)
    case = f"{layer}/{sum(c['layer'] == layer for c in cases)}/"
    x = x.clone().requires_grad_()
    y = last(module(first(x)))
    dy = half(*y.shape)
    y.backward(dy)

    def store(name, value, dtype=numpy.float64):
        arrays[case + name] = value.detach().numpy().astype(dtype)

    store("0", x, numpy.float16)
    store("d0", x.grad)
    store("y", y)
    store("dy", dy, numpy.float16)
    for path, p in module.named_parameters():
        store(f"d.{path}", p.grad)
    for path, value in before.items():
        store(f"p.{path}", value, numpy.float16)
        if train and "running" in path:
            store(f"r.{path}", state(module)[path])
    cases.append({"layer": layer, "train": train, **options})


def layers():
    for activation, stride, train in itertools.product(("-", "RE", "HS"), (1, 2), (False, True)):
        options = {"stride": stride, "activation": activation}
        write_layer("conv_norm", conv_norm(3, 4, 3, **options), half(2, 4, 5, 3), train, **options)
        write_layer("depthwise_separable", depthwise_separable(3, 4, 3, **options), half(2, 4, 5, 3), train, **options)
    for channels, squeezed in ((3, 2), (17, 4)):
        write_layer("squeeze_excite", squeeze_excite(channels, squeezed), half(2, 3, 2, channels), False,
                    channels=channels, squeezed=squeezed)
    for train, expanded, squeezed, stride in itertools.product((False, True), (4, 6), (0, 3), (1, 2)):
        out = 4 if squeezed == 0 else 5  # with a residual connection where the stride is 1
        options = {"expanded": expanded, "out": out, "kernel_size": 5 if squeezed else 3, "stride": stride,
                   "squeezed": squeezed, "activation": "HS" if expanded == 6 else "RE"}
        write_layer("inverted_residual", inverted_residual(4, **options), half(2, 4, 3, 4), train, **options)


if __name__ == "__main__":
    for family in (conv2d, pooling, layers):
        family()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "images.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases of layers,", len(arrays), "arrays")
