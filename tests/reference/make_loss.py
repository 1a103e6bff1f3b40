#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes loss.safetensors: what PyTorch computes for every loss of include/smldist/loss, values and gradients.

Run with a Python that has torch (made with 1.13):  python3 make_loss.py
Everything is computed and stored in float64. Arrays are named <loss>/<case>/<array>: the inputs; y, the loss; dy = 1; and
d<input>, its gradient by each differentiated input. The cases are the products that the tests loop over.
"""
import itertools
import os

import torch
import torch.nn.functional as F

from safetensors_numpy import save

torch.manual_seed(20240921)
arrays = {}


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64)


def write(case, function, inputs, **constants):
    """Stores inputs, constants, y = function(**inputs) and its gradients by the inputs."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    gradients = torch.autograd.grad(y, list(leaves.values()), allow_unused=True)
    out = {**inputs, **constants, "y": y, "dy": torch.ones_like(y)}
    for k, g in zip(leaves, gradients):
        out["d" + k] = torch.zeros_like(inputs[k]) if g is None else g
    for k, v in out.items():
        arrays[f"{case}/{k}"] = v.detach().double().numpy().copy()


def cross_entropy():
    z, label = 2 * normal(7, 5), torch.tensor([0, 4, 1, 1, 3, 2, 0])
    weight = torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    for smoothing, weighted in itertools.product((0.0, 0.1, 1.0), (False, True)):
        write(f"cross_entropy/eps{smoothing:g}_weighted{weighted:d}",
              lambda z: F.cross_entropy(z, label, weight if weighted else None, label_smoothing=smoothing),
              {"z": z}, label=label, weight=weight)


def condition(z, label, rule, T, margin=0.05, hardness=3.0):
    """The smoothed conditional rule, row by row, as loss/logits.hpp states it."""
    q = []
    for row, y in zip(z, label.tolist()):
        p = F.softmax(row / T, 0)
        a = int(p.argmax())
        e = F.one_hot(torch.tensor(y), len(p)).double()
        if a != y and rule == "mix":
            move = ((p[a] - p[y] + margin) / (1 + p[a] - p[y])).clamp(0, 1)
            p = (1 - move) * p + move * e
        elif a != y and rule == "hardness":
            p = F.softmax(hardness * e, 0)
        elif a != y and rule == "swap":
            order = list(range(len(p)))
            order[a], order[y] = y, a
            p = F.softmax(row[order] / T, 0)
        elif a != y and rule == "onehot":
            p = e
        elif a != y and rule == "drop":
            p = 0 * p
        q.append(p)
    return torch.stack(q)


def logits():
    student, teacher = normal(8, 6), 2 * normal(8, 6)
    label = teacher.argmax(1)
    label[:4] = (label[:4] + torch.tensor([1, 2, 3, 5])) % 6  # the teacher is wrong for half the rows
    for rule, T in itertools.product(("mix", "hardness", "swap", "onehot", "drop", "off"), (1.0, 3.0, 20.0)):
        q = condition(teacher, label, rule, T)

        def loss(student):
            soft = F.kl_div(F.log_softmax(student / T, 1), q, reduction="batchmean")
            return 0.7 * F.cross_entropy(student, label, label_smoothing=0.1) + 1.3 * T * T * soft

        write(f"logits/{rule}_T{T:g}", loss, {"student": student}, teacher=teacher, label=label, q=q)


def mse():
    for shape in ((3, 4), (2, 5, 3)):
        t = normal(*shape)
        write(f"mse/rank{len(shape)}", lambda x: F.mse_loss(x, t), {"x": normal(*shape)}, target=t)


def stage():
    for shape in ((3, 4), (2, 5, 4)):
        mean, std, t = normal(4), normal(4).abs() + 0.1, normal(*shape)
        scaled = lambda x: (x - mean) / (std + 1e-5)
        write(f"stage/rank{len(shape)}", lambda x: F.mse_loss(scaled(x), scaled(t)), {"x": normal(*shape)},
              teacher=t, mean=mean, std=std)

        def projected(x, w, weight, bias):
            h = (x @ w.T).reshape(-1, 4)
            return F.mse_loss(F.batch_norm(h, None, None, weight, bias, True).reshape(shape), scaled(t))

        write(f"stage/rank{len(shape)}_projector", projected,
              {"x": normal(*shape[:-1], 3), "w": normal(4, 3), "weight": normal(4), "bias": normal(4)},
              teacher=t, mean=mean, std=std)


def spectrum():
    """Frequency-aware stage loss without projector: one-sided orthonormal DFT along time, weights of its bins."""
    eps = 1e-3
    for L in (8, 9):
        B, C = 3, 4
        mean, std, t, w = normal(C), normal(C).abs() + 0.1, normal(B, L, C), normal(L // 2 + 1).abs() + 0.2
        m = torch.tensor([1.0 if k == 0 or 2 * k == L else 2.0 for k in range(L // 2 + 1)], dtype=torch.float64)
        w = w * L / (m * w).sum()
        scaled = lambda x: (x - mean) / (std + 1e-5)
        spectrum_of = lambda x: torch.fft.rfft(scaled(x), dim=1, norm="ortho")

        def banded(x, alpha):
            d = spectrum_of(x) - spectrum_of(t)
            return ((m * (1 - alpha + alpha * w))[:, None] * d.abs() ** 2).sum() / (B * L * C)

        def power(x):
            X = spectrum_of(x)
            return X.real**2 + X.imag**2

        def magnitude(x):
            u = lambda p: torch.log1p(torch.sqrt(p + eps**2))
            return ((m * w)[:, None] * (u(power(x)) - u(power(t))) ** 2).sum() / (B * L * C)

        def kl(x, tau=2.0):
            log_pi = lambda p: F.log_softmax(torch.log(p[:, 1:] + 1e-6) / tau, 1)
            q = log_pi(power(t))
            return (q.exp() * (q - log_pi(power(x)))).sum() / (B * C)

        def attention(x):
            unit = lambda p: F.normalize(p.sum(2), dim=1, eps=1e-12)
            return ((unit(power(x)) - unit(power(t))) ** 2).sum() / B

        for alpha in (0.5, 1.0):
            for name, term in (("none", None), ("magnitude", magnitude), ("kl", kl), ("attention", attention)):
                write(f"spectrum/L{L}_a{alpha:g}_{name}",
                      lambda x: banded(x, alpha) + (0.25 * term(x) if term else 0), {"x": normal(B, L, C)},
                      teacher=t, mean=mean, std=std, weights=w)


def memory():
    for association, retrieval, tau in itertools.product((0.0, 1.0, 0.4), (0.0, 1.0, 2.5), (1.0, 4.0)):
        s, r = 3 * normal(4, 7), normal(4, 3)

        def loss(scores, retrieved):
            match = F.kl_div(F.log_softmax(scores / tau, 1), F.softmax(s / tau, 1), reduction="batchmean")
            return association * tau**2 * match + retrieval * ((retrieved - r) ** 2).sum(1).mean() / 3

        write(f"memory/a{association:g}_r{retrieval:g}_tau{tau:g}", loss,
              {"scores": 3 * normal(4, 7), "retrieved": normal(4, 3)}, teacher_scores=s, teacher_retrieved=r)


def binary_cross_entropy():
    for shape in ((5, 3), (2, 4, 3)):
        hard, soft = (normal(*shape) > 0).double(), torch.sigmoid(normal(*shape))
        weight = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
        for kind, t in (("hard", hard), ("soft", soft)):
            for name, p in (("plain", None), ("weighted", weight)):
                more = {} if p is None else {"pos_weight": p}
                write(f"binary_cross_entropy/rank{len(shape)}_{kind}_{name}",
                      lambda z: F.binary_cross_entropy_with_logits(z, t, pos_weight=p), {"z": 3 * normal(*shape)},
                      target=t, **more)


if __name__ == "__main__":
    for family in (cross_entropy, logits, mse, stage, spectrum, memory, binary_cross_entropy):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "loss.safetensors"), arrays, {"made_with": "torch " + torch.__version__})
    print(len(arrays), "arrays")
