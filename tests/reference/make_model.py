#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes model.safetensors: what PyTorch computes for whole networks in float64.

Run with a Python that has torch (made with 1.13):  python3 make_model.py

x (3, B, L, 9) and labels (3, B) are three batches. Networks have a linear and a memory head on the same backbone,
without dropout. For each:

    <network>/init/<path>                   parameters and buffers at the start, half precision
    <network>/<head>/eval/<output>          outputs for the first batch in evaluation mode
    <network>/<head>/train/<output>         outputs for the first batch in training mode
    <network>/<head>/loss                   cross entropy of those in training mode
    <network>/<head>/gradient/<path>        its gradient by every parameter, and
    <network>/<head>/running/<path>         the running statistics after that batch: only for har_student
    <network>/<head>/<optimiser>/<path>     parameters and buffers after ten steps over the three batches in turn

Small arrays (loss, feature, logits, scores, retrieved) are stored in double precision, the rest in single precision.
"""
import copy
import os

import numpy
import torch
import torch.nn.functional as F

from layers import network, randomise, state
from safetensors_numpy import save

NETWORKS = {
    "har_student": (["3,16,16,SE,RE,2,A", "5,48,24,-,RE,2,A", "5,64,32,SE,HS,2", "5,96,32,SE,HS,1,A"], 96),
    "har_nano": (["5,16,16,-,RE,2,A", "5,32,16,SE,HS,2,A", "5,48,24,SE,HS,2,A"], 48),
}
MEMORY = {"patterns_per_class": 3, "width": 8, "updates": 1, "beta": 5.0}
LR, MOMENTUM, DECAY = 2e-3, 0.9, 1e-3
# No decay for norms, biases and β: these are exactly the vectors.
OPTIMISERS = {
    "adam": lambda groups: torch.optim.Adam(groups, lr=LR),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=LR),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=10 * LR, momentum=MOMENTUM),
}
RUNS = [("har_student", "linear", None), ("har_student", "memory", "adamw"),
        ("har_nano", "linear", "sgd"), ("har_nano", "memory", "adam")]

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240921)
arrays = {}


def store(name, value, dtype=numpy.float32):
    arrays[name] = value.detach().numpy().astype(dtype)


def store_outputs(prefix, outputs):
    for name, value in outputs.items():
        store(prefix + name, value, numpy.float32 if name.startswith("stage") else numpy.float64)


x = torch.randn(3, 4, 28, 9).half().double()
labels = torch.arange(12).reshape(3, 4) % 6
store("x", x, numpy.float16)
store("labels", labels, numpy.int32)

for name, head, optimiser in RUNS:
    prefix = f"{name}/{head}/"
    model = network(*NETWORKS[name], head, **(MEMORY if head == "memory" else {}))
    randomise(model)
    for path, value in state(model).items():  # both heads share one backbone
        if f"{name}/init/{path}" in arrays:
            value.copy_(torch.from_numpy(arrays[f"{name}/init/{path}"]))
        store(f"{name}/init/{path}", value, numpy.float16)
    start = copy.deepcopy(model.state_dict())

    model.eval()
    store_outputs(prefix + "eval/", model(x[0]))
    model.train()
    outputs = model(x[0])
    loss = F.cross_entropy(outputs["logits"], labels[0])
    loss.backward()
    store_outputs(prefix + "train/", outputs)
    store(prefix + "loss", loss, numpy.float64)
    if name == "har_student":
        for path, p in model.named_parameters():
            store(prefix + "gradient/" + path, p.grad)
        for path, b in state(model).items():
            if path.endswith(("running_mean", "running_var")):
                store(prefix + "running/" + path, b)
    if not optimiser:
        continue

    model.load_state_dict(start)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    spared = [p for p in model.parameters() if p.dim() == 1]
    step = OPTIMISERS[optimiser]([{"params": decayed, "weight_decay": DECAY}, {"params": spared, "weight_decay": 0}])
    for i in range(10):
        step.zero_grad()
        F.cross_entropy(model(x[i % 3])["logits"], labels[i % 3]).backward()
        step.step()
    for path, value in state(model).items():
        store(f"{prefix}{optimiser}/{path}", value)

save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.safetensors"), arrays,
     {"made_with": "torch " + torch.__version__})
print(len(arrays), "arrays")
