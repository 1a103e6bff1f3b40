#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes losses.safetensors: what PyTorch computes for the losses of regression, detection and contrast, and for group
norm, transposed convolution and upsampling, values and gradients.

Run with a Python that has torch (made with 1.13):  python3 make_losses.py
Everything is computed in float64. Losses are stored so, ops in float32, and their inputs are rounded to it before. Arrays are
named <name>/<case>/<array>: the inputs; y; dy, the fixed gradient by y; and d<input>, the gradient by each differentiated
input. The cases are the products that the tests loop over. PyTorch has no focal loss and no supervised contrastive loss:
they are composed here from the papers' formulas.
"""
import itertools
import os

import torch
import torch.nn.functional as F

from safetensors_numpy import save

torch.manual_seed(20250116)
arrays = {}


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64)


def write(case, function, inputs, dtype=torch.float64, **constants):
    """Stores inputs, constants, y = function(**inputs) and its gradients by the inputs."""
    inputs = {k: v.to(dtype).double() for k, v in inputs.items()}
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    dy = torch.ones_like(y) if y.dim() == 0 else normal(*y.shape).to(dtype).double()
    gradients = torch.autograd.grad(y, list(leaves.values()), dy)
    out = {**inputs, **constants, "y": y, "dy": dy, **{"d" + k: g for k, g in zip(leaves, gradients)}}
    for k, v in out.items():
        arrays[f"{case}/{k}"] = v.detach().to(dtype).numpy().copy()


def regression():
    for shape in ((3, 4), (2, 5, 3)):
        x, t = 2 * normal(*shape), normal(*shape)
        x.view(-1)[1] = t.view(-1)[1]  # equal: the kink of the absolute value
        case = f"rank{len(shape)}"
        write(f"mae/{case}", lambda x: F.l1_loss(x, t), {"x": x}, target=t)
        for delta in (0.5, 1.0, 3.0):
            write(f"huber/{case}_delta{delta:g}", lambda x: F.huber_loss(x, t, delta=delta), {"x": x}, target=t)
            write(f"smooth_l1/{case}_beta{delta:g}", lambda x: F.smooth_l1_loss(x, t, beta=delta), {"x": x}, target=t)


def focal():
    z, label = 2 * normal(7, 5), torch.tensor([0, 4, 1, 1, 3, 2, 0])
    alpha = torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    for gamma, weighted in itertools.product((0.0, 0.5, 2.0, 5.0), (False, True)):

        def loss(z):
            log_p = F.log_softmax(z, 1)[torch.arange(7), label]
            a = alpha[label] if weighted else 1.0
            return (-a * (1 - log_p.exp()) ** gamma * log_p).mean()

        write(f"focal/gamma{gamma:g}_weighted{weighted:d}", loss, {"z": z}, label=label, alpha=alpha)


def binary_focal():
    for shape, kind in itertools.product(((6, 4), (2, 3, 5)), ("hard", "soft")):
        z, t = 2 * normal(*shape), torch.rand(shape, dtype=torch.float64)
        t = (t > 0.5).double() if kind == "hard" else t
        for gamma, alpha in itertools.product((0.0, 0.5, 2.0), (-1.0, 0.25)):  # -1: none, as in torchvision

            def loss(z):  # torchvision.ops.sigmoid_focal_loss
                p = torch.sigmoid(z)
                p_t = p * t + (1 - p) * (1 - t)
                y = F.binary_cross_entropy_with_logits(z, t, reduction="none") * (1 - p_t) ** gamma
                return (y if alpha < 0 else (alpha * t + (1 - alpha) * (1 - t)) * y).mean()

            write(f"binary_focal/rank{len(shape)}_{kind}_gamma{gamma:g}_alpha{alpha:g}", loss, {"z": z}, target=t)


def supervised_contrastive():
    label = torch.tensor([0, 2, 1, 0, 2, 2, 3])  # 1 and 3 have one sample each
    for views, tau, unit in itertools.product((0, 1, 2), (0.1, 0.7), (False, True)):
        x = normal(7, *((views,) if views else ()), 4)

        def loss(x):
            f = x.reshape(-1, 4)
            f = F.normalize(f, dim=1) if unit else f
            of = label.repeat_interleave(max(views, 1)).tolist()
            terms = []
            for i in range(len(f)):
                others = [j for j in range(len(f)) if j != i]
                s = f[others] @ f[i] / tau
                positive = torch.tensor([of[j] == of[i] for j in others])
                if positive.any():
                    terms.append(-(s - torch.logsumexp(s, 0))[positive].mean())
            return torch.stack(terms).mean()

        write(f"supervised_contrastive/views{views}_tau{tau:g}_unit{unit:d}", loss, {"x": x}, label=label)


def channels_first(x):
    """(B, …, C) to PyTorch's (B, C, …)."""
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def write_op(case, function, inputs):
    write(case, function, inputs, torch.float32)


def group_norm():
    for affine, eps, shape in itertools.product((True, False), (1e-5, 1e-2), ((3, 6), (2, 5, 6), (2, 2, 2, 6))):
        C = shape[-1]
        for groups in (1, 3, C):
            if len(shape) == 2 and groups == C:
                continue  # one value: its own mean
            inputs = {"x": normal(*shape), **({"w": normal(C), "b": normal(C)} if affine else {})}
            write_op(f"group_norm/affine{affine:d}_eps{eps:g}_rank{len(shape)}_g{groups}",
                     lambda x, w=None, b=None: channels_last(F.group_norm(channels_first(x), groups, w, b, eps)), inputs)
    write_op("group_norm/instance", lambda x, w, b: channels_last(F.instance_norm(channels_first(x), weight=w, bias=b)),
             {"x": normal(2, 5, 4), "w": normal(4), "b": normal(4)})


def conv_transpose1d():
    def case(L, C, O, K, stride, padding, output_padding, dilation, groups, bias):
        name = f"l{L}_c{C}_o{O}_k{K}_s{stride}_p{padding}_op{output_padding}_d{dilation}_g{groups}_bias{bias:d}"
        inputs = {"x": normal(2, L, C), "w": normal(C, O // groups, K), **({"b": normal(O)} if bias else {})}
        write_op("conv_transpose1d/" + name, lambda x, w, b=None: channels_last(F.conv_transpose1d(
            channels_first(x), w, b, stride, padding, output_padding, groups, dilation)), inputs)

    # dense, grouped, depthwise, depthwise with two outputs per channel
    for (C, O, groups), stride, padding, dilation in itertools.product(
            ((4, 6, 1), (4, 6, 2), (4, 4, 4), (4, 8, 4)), (1, 2, 3), (0, 1), (1, 2)):
        case(5, C, O, 3, stride, padding, (stride + padding) % 2 if stride > 1 else 0, dilation, groups,
             (stride + padding) % 2 == 0)
    case(5, 3, 2, 4, 2, 1, 0, 1, 1, True)  # doubles the length
    case(5, 3, 2, 1, 3, 0, 2, 1, 1, True)  # taps that do not touch
    case(4, 3, 2, 3, 1, 1, 1, 2, 1, True)  # padding of the output by a dilation
    case(1, 1, 1, 1, 1, 0, 0, 1, 1, False)
    case(6, 17, 9, 5, 2, 2, 1, 1, 1, True)  # wider than a register
    case(6, 9, 9, 5, 2, 2, 1, 1, 9, True)


def upsample():
    def case(shape, name, **options):
        write_op("upsample/" + name, lambda x: channels_last(F.interpolate(channels_first(x), **options)),
                 {"x": normal(*shape)})

    signal, image = (2, 5, 3), (2, 3, 5, 2)
    for kind, shape, linear in (("signal", signal, "linear"), ("image", image, "bilinear")):
        sizes = (1, 3, 5, 8, 10, 13) if kind == "signal" else ((1, 1), (3, 5), (6, 10), (7, 4), (2, 13))
        for size in sizes:
            text = size if kind == "signal" else f"{size[0]}x{size[1]}"
            case(shape, f"{kind}_nearest_size{text}", size=size, mode="nearest")
            for corners in (False, True):
                case(shape, f"{kind}_linear{corners:d}_size{text}", size=size, mode=linear, align_corners=corners)
        for scale in (0.5, 1.0, 1.5, 2.0, 3.25):
            case(shape, f"{kind}_nearest_scale{scale:g}", scale_factor=scale, mode="nearest")
            for corners in (False, True):
                case(shape, f"{kind}_linear{corners:d}_scale{scale:g}", scale_factor=scale, mode=linear,
                     align_corners=corners)


if __name__ == "__main__":
    for family in (regression, focal, binary_focal, supervised_contrastive, group_norm, conv_transpose1d, upsample):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "losses.safetensors"), arrays, {"made_with": "torch " + torch.__version__})
    print(len(arrays), "arrays")
