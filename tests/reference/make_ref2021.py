#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes ref2021.safetensors: what PyTorch computes for a small network in the form of the public code of 2021.

Run with a Python that has torch (made with 1.13):  python3 make_ref2021.py

Written from the formulas of docs/ref2021.md. The head is built as described there: a whole Hopfield layer that
retrieves from one pattern and projects one tensor for equal normed inputs. This script checks that the parts which
smldist omits get no gradient.

    x, labels, teacher/stage0, teacher/stage1, teacher/logits     one batch, and a teacher's outputs for it
    init/<path>                         parameters and buffers at the start, half precision
    eval/<output>, train/<output>       outputs; eval has the head's three answers, train its probabilities
    <loss>/loss, <loss>/gradient/<path> of the teacher's loss (labels), stage0, stage1 and logits; for the losses of stages
                                        the network runs only up to the anchor
    <loss>/running/<path>               the running statistics after that batch, of labels and stage0
    after/<path>                        parameters and buffers after 3 steps of Adam on stage 0, 3 of a fresh one on stage 1,
                                        and 8 of Ranger on the logits loss
    fresh/<step>/<path>                 gradients of the head's layer-norms in steps 1 to 4 of Ranger on the teacher's loss,
                                        the layer-norms as the code makes them: weight 1, bias 0
    fresh/after/<path>                  the head after 8 of these steps
"""
import math
import os

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from layers import ACTIVATION, conv_norm, first, hard_sigmoid, hopfield_association, last, randomise, state
from safetensors_numpy import save

CHANNELS, CLASSES, TAIL = 5, 4, 12
ROWS = [(3, 8, 8, True, "SELU", 2, True), (5, 20, 12, True, "HS", 1, True), (3, 24, 16, False, "SELU", 1, True)]

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240924)


def ceil8(v):
    return math.ceil(v / 8) * 8


class squeeze_excite(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, width // 4, bias=False)
        self.fc2 = nn.Linear(width // 4, width, bias=False)

    def forward(self, x):
        return x * hard_sigmoid(self.fc2(F.relu(self.fc1(x.mean(2)))))[:, :, None]


class block(nn.Module):
    def __init__(self, width, kernel_size, expanded, out, se, activation, stride):
        super().__init__()
        self.expand = conv_norm(width, expanded, 1, activation=activation)
        self.depthwise = conv_norm(expanded, expanded, kernel_size, stride, expanded)
        if se:
            self.se = squeeze_excite(expanded)
        self.project = conv_norm(expanded, out, 1)
        self.act, self.residual = ACTIVATION[activation], stride == 1 and width == out

    def forward(self, x):
        h = self.depthwise(self.expand(x))
        h = self.project(self.act(self.se(h) if hasattr(self, "se") else h))
        return h + x if self.residual else h


class backbone(nn.Module):
    def __init__(self):
        super().__init__()
        width = ceil8(CHANNELS)
        self.stem, self.blocks = conv_norm(CHANNELS, width, 3, 2, activation="HS"), nn.ModuleList()
        for kernel_size, expanded, out, se, activation, stride, _ in ROWS:
            self.blocks.append(block(width, kernel_size, ceil8(expanded), ceil8(out), se, activation, stride))
            width = ceil8(out)
        self.tail = conv_norm(width, TAIL, 1, activation="HS")

    def forward(self, x, until=None):
        """(stages, feature); with `until`, nothing after that stage runs, and there is no feature."""
        h, stages = self.stem(first(x)), []
        for b, row in zip(self.blocks, ROWS):
            h = b(h)
            stages += [last(h)] * row[-1]
            if until is not None and len(stages) > until:
                return stages, None
        return stages, ACTIVATION["HS"](self.tail(h).mean(2))


class association(hopfield_association):
    """A Hopfield layer that compares its normed inputs by value and uses one tensor for those that are equal."""

    def forward(self, state, stored, source):
        state, stored, source = self.norm_state(state), self.norm_stored(stored), self.norm_source(source)
        if torch.equal(stored, source):
            source = stored
            if torch.equal(state, stored):
                stored = source = state
        q, k, v, beta = self.query(state), self.key(stored), self.value(source), self.log_beta.exp()
        for _ in range(self.updates + 1):
            a = torch.softmax(beta * q @ k.transpose(-1, -2), -1)
            q = a @ k
        return self.out(a @ v)


class head(nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = association(TAIL, TAIL, TAIL, out=CLASSES, updates=2, eps=1e-2)
        self.intuition = nn.Linear(TAIL, CLASSES)
        self.mixing = nn.Parameter(torch.zeros(2))

    def forward(self, f):
        one = f[:, None]
        y_h, y_l = self.memory(one, one, one)[:, 0], self.intuition(f)
        w = torch.softmax(self.mixing, 0)
        return y_h, y_l, w[0] * torch.softmax(y_h, -1) + w[1] * torch.softmax(y_l, -1)


class network(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.ref2021 = backbone(), head()

    def forward(self, x, until=None):
        stages, feature = self.backbone(x, until)
        out = {f"stage{i}": s for i, s in enumerate(stages)}
        if until is not None:
            return out
        names = ["memory", "intuition", "fused"]
        return {**out, "feature": feature, **dict(zip(names, self.ref2021(feature)))}


DEAD = ("query", "key", "log_beta")
UNTIL = {"labels": None, "stage0": 0, "stage1": 1, "logits": None}


def path_of(name):
    """Where smldist keeps a parameter or buffer; None for what it omits."""
    if not name.startswith("ref2021.memory."):
        return name
    part, *leaf = name.removeprefix("ref2021.memory.").split(".")
    if part in DEAD:
        return None
    return ".".join(["ref2021", {"norm_source": "norm"}.get(part, part), *leaf])


def unit(v):
    return v / v.norm(dim=-1, keepdim=True)


def logits_loss(p, z, y):
    t = torch.softmax(unit(z), -1)
    hard = F.one_hot(y, CLASSES).double()
    t = torch.softmax(torch.where((t.argmax(-1) != y)[:, None], hard, t), -1)
    log_s = torch.log(torch.softmax(torch.softmax(unit(p), -1), -1))
    return -(hard * log_s).sum(-1).mean() - (t * log_s).sum(-1).mean()


arrays = {}


def store(name, value, dtype=numpy.float64):
    arrays[name] = value.detach().numpy().astype(dtype)


def store_state(prefix, model, keep=lambda path: True, dtype=numpy.float64):
    for name, value in state(model).items():
        if path_of(name) and keep(name):
            store(prefix + path_of(name), value, dtype)


x = torch.randn(6, 20, CHANNELS).half().double()
labels = torch.tensor([0, 3, 1, 2, 2, 0])
model = network()
randomise(model)
with torch.no_grad():
    model.ref2021.mixing.copy_(torch.tensor([0.75, -0.5]))
start = {k: v.clone() for k, v in model.state_dict().items()}
store("x", x)
store("labels", labels, numpy.int32)
store_state("init/", model, dtype=numpy.float16)

model.eval()
for name, value in model(x).items():
    store("eval/" + name, value)
model.train()
outputs = model(x)
for name, value in outputs.items():
    if name not in ("memory", "intuition"):
        store("train/" + name, value)
teacher = {k: torch.randn(outputs[k].shape) for k in ("stage0", "stage1")}
teacher["logits"] = 3 * torch.randn(6, CLASSES)  # the teacher is right for some windows and wrong for others
assert 0 < (teacher["logits"].argmax(-1) == labels).sum() < 6
for name, value in teacher.items():
    store("teacher/" + name, value)

LOSSES = {
    "labels": lambda out: F.cross_entropy(out["fused"], labels),
    "stage0": lambda out: F.mse_loss(out["stage0"], teacher["stage0"]),
    "stage1": lambda out: F.mse_loss(out["stage1"], teacher["stage1"]),
    "logits": lambda out: logits_loss(out["fused"], teacher["logits"], labels),
}
for name, loss in LOSSES.items():
    model.load_state_dict(start)
    model.zero_grad(set_to_none=True)
    value = loss(model(x, UNTIL[name]))
    value.backward()
    store(name + "/loss", value)
    for parameter_name, p in model.named_parameters():
        if path_of(parameter_name) is None:
            assert p.grad is None or p.grad.abs().max() == 0, parameter_name
        elif p.grad is not None:
            store(f"{name}/gradient/{path_of(parameter_name)}", p.grad)
    if name in ("labels", "stage0"):
        store_state(name + "/running/", model, lambda n: n.endswith(("running_mean", "running_var")))


def steps(n, optimiser, name, after=lambda step: None):
    for step in range(1, n + 1):
        optimiser.zero_grad()
        LOSSES[name](model(x, UNTIL[name])).backward()
        optimiser.step()
        after(step)


class ranger(torch.optim.RAdam):
    """RAdam in Lookahead; parameters without gradient take no step, and steps are counted per parameter."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=1e-3, betas=(0.95, 0.999), eps=1e-5)
        self.slow, self.counts = {}, {}

    @torch.no_grad()
    def step(self):
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p in parameters:
            self.slow.setdefault(p, p.detach().clone())
        super().step()
        for p in parameters:
            self.counts[p] = self.counts.get(p, 0) + 1
            if self.counts[p] % 6 == 0:
                self.slow[p] += 0.5 * (p - self.slow[p])
                p.copy_(self.slow[p])


model.load_state_dict(start)
model.zero_grad(set_to_none=True)
for stage in ("stage0", "stage1"):
    steps(3, torch.optim.Adam(model.parameters(), lr=1e-4), stage)
steps(8, ranger(model.parameters()), "logits")
store_state("after/", model)

NORMS = ("norm_state", "norm_stored", "norm_source")
model.load_state_dict(start)
model.zero_grad(set_to_none=True)
for name in NORMS:
    getattr(model.ref2021.memory, name).reset_parameters()


def store_norms(step):
    trained = set()
    for name in NORMS if step <= 4 else ():
        for leaf, p in getattr(model.ref2021.memory, name).named_parameters():
            if p.grad is not None:
                store(f"fresh/{step}/{path_of(f'ref2021.memory.{name}.{leaf}')}", p.grad)
                trained |= {name} if p.grad.abs().max() > 0 else set()
    assert step > 4 or trained == {NORMS[min(step, 3) - 1]}, (step, trained)


steps(8, ranger(model.parameters()), "labels", store_norms)
store_state("fresh/after/", model, lambda n: n.startswith("ref2021."))

save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ref2021.safetensors"), arrays,
     {"made_with": "torch " + torch.__version__})
print(len(arrays), "arrays")
