#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes baseline.safetensors: what PyTorch computes for the distillation baselines of include/smldist/loss/baseline.

Run with a Python that has torch (made with 1.13):  python3 make_baseline.py
Written from the formulas of the papers, with the layout (B, L, C). Everything is computed and stored in float64. Arrays are
named <method>/<case>/<array>: the student's inputs; the teacher's as teacher_<input>; label; y, the term with its weight; dy = 1;
and d<input>, its gradient.
"""
import itertools
import os

import torch
import torch.nn.functional as F

from make_loss import arrays, normal, write
from safetensors_numpy import save

torch.manual_seed(20250301)


def standardised(z):
    return (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-7)


NORMS = {"none": lambda z: z, "l2": lambda z: 10 * F.normalize(z), "zscore": standardised}


def kl(p, q):
    """Mean over the rows of KL(p ‖ q) of two tables of probabilities."""
    return (p * (p.log() - q.log())).sum(1).mean()


def hinton():
    for norm, T in itertools.product(NORMS, (1.0, 4.0)):
        t = 2 * normal(6, 5)
        soft = lambda z: F.softmax(NORMS[norm](z) / T, 1)
        write(f"hinton/{norm}_T{T:g}", lambda logits: 0.9 * T * T * kl(soft(t), soft(logits)),
              {"logits": 2 * normal(6, 5)}, teacher_logits=t)


def dkd():
    label = torch.tensor([0, 4, 2, 2, 1, 3])
    own = F.one_hot(label, 5).bool()
    for alpha, beta, T in itertools.product((1.0, 0.5), (8.0, 0.0), (1.0, 4.0)):
        t = 2 * normal(6, 5)

        def parts(z):
            p = F.softmax(z / T, 1)
            b = p[own]
            return torch.stack([b, 1 - b], 1), F.softmax((z / T)[~own].reshape(6, 4), 1)

        def loss(logits):
            (b_t, p_t), (b_s, p_s) = parts(t), parts(logits)
            return T * T * (alpha * kl(b_t, b_s) + beta * kl(p_t, p_s))

        write(f"dkd/a{alpha:g}_b{beta:g}_T{T:g}", loss, {"logits": 2 * normal(6, 5)}, teacher_logits=t, label=label)


def dist():
    def pearson(a, b):
        a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)).mean()

    for beta, gamma, tau in itertools.product((1.0, 0.3), (2.0, 0.0), (1.0, 4.0)):
        t = 2 * normal(6, 5)

        def loss(logits):
            p, q = F.softmax(logits / tau, 1), F.softmax(t / tau, 1)
            return tau**2 * (beta * (1 - pearson(p, q)) + gamma * (1 - pearson(p.T, q.T)))

        write(f"dist/b{beta:g}_g{gamma:g}_tau{tau:g}", loss, {"logits": 2 * normal(6, 5)}, teacher_logits=t)


LENGTHS = ((6, 6), (7, 3), (4, 6))  # of student and teacher


def same_length(s, t):
    pool = lambda x, length: F.adaptive_avg_pool1d(x.transpose(1, 2), length).transpose(1, 2)
    length = min(s.shape[1], t.shape[1])
    return (s if s.shape[1] == length else pool(s, length)), (t if t.shape[1] == length else pool(t, length))


def fitnets():
    for (a, b), relu in itertools.product(LENGTHS, (False, True)):
        t = normal(3, b, 5)

        def loss(stage, w, weight, bias):
            s, target = same_length(stage, t)
            h = F.batch_norm((s @ w[:, :, 0].T).reshape(-1, 5), None, None, weight, bias, True).reshape(target.shape)
            return 100 * F.mse_loss(F.relu(h) if relu else h, target)

        write(f"fitnets/{a}to{b}_relu{relu:d}", loss,
              {"stage": normal(3, a, 4), "w": normal(5, 4, 1), "weight": normal(5), "bias": normal(5)},
              teacher_stage=t)


def attention():
    for (a, b), p in itertools.product(LENGTHS, (2, 4)):
        ts = [normal(3, b, 5), normal(3, 2, 7)]
        area = lambda f: F.normalize(f.pow(p).mean(2))

        def loss(stage0, stage1):
            total = 0
            for s, t in zip((stage0, stage1), ts):
                s, t = same_length(s, t)
                total = total + 1000 * (area(s) - area(t)).pow(2).mean()
            return total

        write(f"at/{a}to{b}_p{p}", loss, {"stage0": normal(3, a, 4), "stage1": normal(3, 2, 3)},
              teacher_stage0=ts[0], teacher_stage1=ts[1])


def selectivity():
    """The kernel's means over pairs of channels, as in the paper."""
    def mmd(u, v):  # (B, L, C), unit length along L
        k = lambda a, b: torch.einsum("blc,bld->bcd", a, b).pow(2).mean((1, 2))
        return (k(u, u) + k(v, v) - 2 * k(u, v)).mean()

    for a, b in LENGTHS:
        ts = [normal(3, b, 5), normal(3, 2, 7)]

        def loss(stage0, stage1):
            pairs = [same_length(s, t) for s, t in zip((stage0, stage1), ts)]
            return 50 * sum(mmd(F.normalize(s, dim=1), F.normalize(t, dim=1)) for s, t in pairs)

        write(f"nst/{a}to{b}", loss, {"stage0": normal(3, a, 4), "stage1": normal(3, 2, 3)}, teacher_stage0=ts[0],
              teacher_stage1=ts[1])


def similarity():
    for a, b in LENGTHS:
        t = normal(4, b, 5)
        gram = lambda f: F.normalize(f.flatten(1) @ f.flatten(1).T)
        write(f"sp/{a}to{b}", lambda stage: 3000 * (gram(stage) - gram(t)).pow(2).sum() / 16, {"stage": normal(4, a, 3)},
              teacher_stage=t)


def rkd():
    def relations(f):
        pairs = f[None] - f[:, None]  # [i, j] = f_j - f_i
        d = torch.stack([torch.stack([v.norm() if i != j else 0 * v.sum() for j, v in enumerate(row)])
                         for i, row in enumerate(pairs)])
        unit = torch.stack([torch.stack([v / v.norm() if i != j else 0 * v for j, v in enumerate(row)])
                            for i, row in enumerate(pairs)])
        return d / (d.sum() / (len(f) * (len(f) - 1))), unit @ unit.transpose(1, 2)

    for distance, angle in ((25.0, 50.0), (25.0, 0.0), (0.0, 50.0)):
        t = normal(6, 5)
        t[0] *= 6  # far away, to reach the linear part of the smooth L1 loss

        def loss(feature):
            (d_s, a_s), (d_t, a_t) = relations(feature), relations(t)
            return distance * F.smooth_l1_loss(d_s, d_t) + angle * F.smooth_l1_loss(a_s, a_t)

        write(f"rkd/d{distance:g}_a{angle:g}", loss, {"feature": normal(6, 4)}, teacher_feature=t)


def pkt():
    def affinity(f):
        u = f / f.norm(dim=1, keepdim=True)
        s = (u @ u.T + 1) / 2
        return s / s.sum(1, keepdim=True)

    t = normal(6, 5)
    p = affinity(t)
    write("pkt/default", lambda feature: 30000 * (p * ((p + 1e-7) / (affinity(feature) + 1e-7)).log()).mean(),
          {"feature": normal(6, 4)}, teacher_feature=t)


def simkd():
    t = normal(4, 5)
    write("simkd/default", lambda feature: F.mse_loss(feature, t), {"feature": normal(4, 5)}, teacher_feature=t)


def projector():
    """nn::feature_projector in training: three linear maps with batch-norm."""
    names = ("reduce", "mix", "expand")
    widths = {"reduce": (2, 3), "mix": (2, 2), "expand": (5, 2)}
    inputs = {"x": normal(6, 3)}
    for n in names:
        inputs[n] = normal(*widths[n])
        inputs[n + "_weight"], inputs[n + "_bias"] = normal(widths[n][0]), normal(widths[n][0])

    def run(x, **p):
        for n in names:
            x = F.batch_norm(x @ p[n].T, None, None, p[n + "_weight"], p[n + "_bias"], True)
            x = x if n == "expand" else F.relu(x)
        return (x * torch.arange(30).reshape(6, 5)).sum()

    write("projector/train", run, inputs)


if __name__ == "__main__":
    for family in (hinton, dkd, dist, fitnets, attention, similarity, rkd, pkt, simkd, projector,
                   selectivity):
        family()
    here = os.path.dirname(os.path.abspath(__file__))
    save(os.path.join(here, "baseline.safetensors"), arrays, {"made_with": "torch " + torch.__version__})
    print(len(arrays), "arrays")
