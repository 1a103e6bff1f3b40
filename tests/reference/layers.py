# SPDX-License-Identifier: BSD-3-Clause
"""The layers of include/smldist/nn and the network of include/smldist/model, written for PyTorch from their formulas.

Members are named as in the C++ code, so a state_dict has the keys of a model file. Inside, activations are PyTorch's
(B, C, L); `last` and `first` move the channels to the end, as smldist has them, and back.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn


def hard_sigmoid(x):
    """F.hardsigmoid; in PyTorch 1.13 its derivative is 1.0f / 6 even in float64, wrong from the eighth digit on."""
    return (x / 6 + 0.5).clamp(0, 1)


ACTIVATION = {"RE": F.relu, "HS": lambda x: x * hard_sigmoid(x), "SELU": F.selu, "-": lambda x: x}


def last(x):
    return x.transpose(1, 2)


first = last  # swapping twice is the identity


class conv_norm(nn.Module):
    def __init__(self, width, out, kernel_size, stride=1, groups=1, activation="-", causal=False):
        super().__init__()
        self.left = kernel_size - 1 if causal else 0
        padding = 0 if causal else (kernel_size - 1) // 2
        self.conv = nn.Conv1d(width, out, kernel_size, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm1d(out)
        self.activation = activation

    def forward(self, x):
        return ACTIVATION[self.activation](self.norm(self.conv(F.pad(x, (self.left, 0)))))


class depthwise_separable(nn.Module):
    def __init__(self, width, out, kernel_size, stride=1, activation="-", causal=False):
        super().__init__()
        self.depthwise = conv_norm(width, width, kernel_size, stride, width, activation, causal)
        self.pointwise = conv_norm(width, out, 1, activation=activation)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class squeeze_excite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        return x * hard_sigmoid(self.fc2(F.relu(self.fc1(x.mean(2)))))[:, :, None]


class inverted_residual(nn.Module):
    def __init__(self, width, expanded, out, kernel_size, stride=1, squeezed=0, activation="RE", causal=False):
        super().__init__()
        if expanded != width:
            self.expand = conv_norm(width, expanded, 1, activation=activation)
        self.depthwise = conv_norm(expanded, expanded, kernel_size, stride, expanded, activation, causal)
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


def hopfield(q, keys, beta, updates, eps=1e-4, log_mass=0):
    """At most `updates` steps q <- softmax(beta q keys' + log_mass) keys; a state that moved less than eps stops."""
    moving = torch.ones(q.shape[:-1], dtype=torch.bool)
    for _ in range(updates):
        after = torch.softmax(beta * q @ keys.transpose(-1, -2) + log_mass, -1) @ keys
        q, moved = torch.where(moving[..., None], after, q), (after - q).norm(dim=-1)
        moving = moving & (moved >= eps)
    return q


class hopfield_association(nn.Module):
    def __init__(self, state, stored, source, heads=1, head_width=0, pattern_width=0, out=0, beta=0.0, updates=0,
                 eps=1e-4, normalise=True):
        super().__init__()
        h = head_width or state // heads
        v = pattern_width or h
        if normalise:
            self.norm_state, self.norm_stored, self.norm_source = map(nn.LayerNorm, (state, stored, source))
        self.query = nn.Linear(state, heads * h)
        self.key = nn.Linear(stored, heads * h)
        self.value = nn.Linear(source, heads * v)
        self.out = nn.Linear(heads * v, out or state)
        self.log_beta = nn.Parameter(torch.tensor([math.log(beta or 1 / math.sqrt(h))]))
        self.heads, self.updates, self.eps, self.normalise = heads, updates, eps, normalise

    def forward(self, state, stored, source):
        if self.normalise:
            state, stored, source = self.norm_state(state), self.norm_stored(stored), self.norm_source(source)
        beta = self.log_beta.exp()
        joined = []
        for q, k, v in zip(*(x.chunk(self.heads, -1) for x in (self.query(state), self.key(stored), self.value(source)))):
            q = hopfield(q, k, beta, self.updates, self.eps)
            joined.append(torch.softmax(beta * q @ k.transpose(-1, -2), -1) @ v)
        return self.out(torch.cat(joined, -1))


class hopfield_lookup(nn.Module):
    def __init__(self, width, quantity, **options):
        super().__init__()
        self.patterns = nn.Parameter(torch.zeros(quantity, width))
        self.association = hopfield_association(width, width, width, **options)

    def forward(self, state):
        return self.association(state, self.patterns, self.patterns)


class hopfield_pooling(nn.Module):
    def __init__(self, width, quantity, **options):
        super().__init__()
        self.states = nn.Parameter(torch.zeros(quantity, width))
        self.association = hopfield_association(width, width, width, **options)

    def forward(self, x):
        return self.association(self.states.expand(len(x), -1, -1), x, x).flatten(1)


class hopfield_classifier(nn.Module):
    def __init__(self, features, quantity, classes, **options):
        super().__init__()
        self.lookup = hopfield_lookup(features, quantity, out=classes, updates=2, eps=1e-2, **options)

    def forward(self, f):
        return self.lookup(f)


class memory(nn.Module):
    """Returns (scores, retrieved, logits)."""

    def __init__(self, features, classes, patterns_per_class=8, width=32, updates=0, beta=5.0, kappa=0.5, log_mass=None,
                 heads=1):
        super().__init__()
        self.query = nn.Linear(features, width)
        self.keys = nn.Parameter(F.normalize(torch.randn(classes * patterns_per_class, width), dim=-1))
        self.log_beta = nn.Parameter(torch.tensor([math.log(beta)]))
        self.labels = torch.arange(classes).repeat_interleave(patterns_per_class)
        if log_mass is not None:
            self.register_buffer("log_mass", log_mass)
        self.classes, self.updates, self.kappa, self.heads = classes, updates, kappa, heads

    def forward(self, f):
        beta = self.log_beta.clamp(math.log(0.1), math.log(100)).exp()
        massive = hasattr(self, "log_mass")
        log_mass = self.log_mass if massive else torch.zeros(len(self.labels))
        scores = []
        for q, k in zip(self.query(f).chunk(self.heads, -1), self.keys.chunk(self.heads, -1)):
            q = hopfield(F.normalize(q, dim=-1), k, beta, self.updates, 0 if massive else 1e-4, log_mass)
            scores.append(beta * q @ k.T + log_mass)
        s, mass = torch.stack(scores).logsumexp(0) - math.log(self.heads), log_mass.exp()
        z = [s[:, self.labels == n].logsumexp(1) - self.kappa * mass[self.labels == n].sum().log()
             for n in range(self.classes)]
        return s, torch.softmax(s, -1) @ self.keys, torch.stack(z, 1)


def make_divisible(v, divisor=8):
    n = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return n + divisor if n < 0.9 * v else n


class backbone(nn.Module):
    """Returns (stages, feature) of x (B, L, C)."""

    def __init__(self, channels, rows, tail):
        super().__init__()
        self.stem = conv_norm(channels, 16, 3, 2, activation="HS")
        self.blocks, self.anchors, width = nn.ModuleList(), [], 16
        for row in rows:
            kernel_size, expanded, out, se, activation, stride, *anchor = row.split(",")
            expanded, out = int(expanded), int(out)
            squeezed = make_divisible(expanded // 4) if se == "SE" else 0
            self.blocks.append(
                inverted_residual(width, expanded, out, int(kernel_size), int(stride), squeezed, activation))
            self.anchors.append(anchor == ["A"])
            width = out
        self.tail = conv_norm(width, tail, 1, activation="HS")

    def forward(self, x):
        h, stages = self.stem(first(x)), []
        for block, anchor in zip(self.blocks, self.anchors):
            h = block(h)
            if anchor:
                stages.append(last(h))
        return stages, self.tail(h).mean(2)


class network(nn.Module):
    """Returns a dict of the outputs: stage0, stage1, …, feature, logits, and scores and retrieved of a memory."""

    def __init__(self, rows, tail, head, channels=9, classes=6, **memory_options):
        super().__init__()
        self.backbone = backbone(channels, rows, tail)
        if head == "linear":
            self.intuition = nn.Linear(tail, classes)
        else:
            self.memory = memory(tail, classes, **memory_options)

    def forward(self, x):
        stages, feature = self.backbone(x)
        out = {f"stage{i}": s for i, s in enumerate(stages)}
        out["feature"] = feature
        if hasattr(self, "memory"):
            out["scores"], out["retrieved"], out["logits"] = self.memory(feature)
        else:
            out["logits"] = self.intuition(feature)
        return out


def state(model):
    """The state_dict without PyTorch's batch counters, which smldist does not keep."""
    return {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}


def randomise(model):
    """Fills parameters and buffers with half-precision numbers, which a file holds exactly in two bytes."""
    with torch.no_grad():
        for name, value in state(model).items():
            x = torch.randn(value.shape)
            if name.endswith("running_var"):
                x = 0.5 + torch.rand(value.shape)
            elif name.endswith(("log_beta", "log_mass")):
                x = value + 0.2 * x
            elif name.endswith("memory.keys"):
                x = F.normalize(x, dim=-1)
            elif value.dim() == 1 and name.endswith("weight"):  # weight of a norm
                x = 1 + 0.2 * x
            elif value.dim() == 1:
                x = 0.2 * x
            else:
                x = x / math.sqrt(value[0].numel())
            value.copy_(x.half().double())
