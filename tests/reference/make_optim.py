#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes optim.safetensors: ten steps of PyTorch's optimisers, its clipping and its schedules, in float64.

Run with a Python that has torch (made with 1.13):  python3 make_optim.py

start.weight, start.bias             the two parameters; the bias is not decayed
gradient.weight, gradient.bias       (10, n): their gradients at each step
<optimiser>/<case>/weight, /bias     (10, n): the parameters after each step; the options are in the metadata entry "cases"
slow                                 as adamw/1, but the bias learns at a tenth of the rate
clip                                 (10): the norms before; clipped.weight, clipped.bias: what clip_grad_norm_(…, 4) leaves
one_cycle/<case>, cosine/<case>      the rate at each step; one_cycle/<case>/momentum
"""
import json
import os

import numpy
import torch

from safetensors_numpy import save

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240923)
arrays, cases = {}, []
start = {"weight": torch.randn(3, 13), "bias": torch.randn(7)}
gradient = {k: torch.randn(10, *v.shape) for k, v in start.items()}
for k, v in start.items():
    arrays["start." + k] = v.numpy()
    arrays["gradient." + k] = gradient[k].numpy()


def run(name, make, decay, slow=1.0):
    p = {k: v.clone().requires_grad_() for k, v in start.items()}
    lr = 0.05
    step = make([{"params": [p["weight"]], "lr": lr, "weight_decay": decay},
                 {"params": [p["bias"]], "lr": lr * slow, "weight_decay": 0.0}])
    seen = {k: [] for k in p}
    for i in range(10):
        for k in p:
            p[k].grad = gradient[k][i].clone()
        step.step()
        for k in p:
            seen[k].append(p[k].detach().numpy().copy())
    for k in p:
        arrays[f"{name}/{k}"] = numpy.stack(seen[k])


def optimisers():
    family = {
        "adam": (torch.optim.Adam, [{}, {"weight_decay": 0.1}, {"betas": (0.8, 0.95), "eps": 1e-3}]),
        "adamw": (torch.optim.AdamW, [{}, {"weight_decay": 0.1}]),
        "sgd": (torch.optim.SGD, [{}, {"momentum": 0.9}, {"momentum": 0.9, "weight_decay": 0.1},
                                  {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}, {"weight_decay": 0.1}]),
    }
    for name, (make, options) in family.items():
        for i, o in enumerate(options):
            o = dict(o)
            cases.append({"optimiser": name, **{"betas": [0.9, 0.999], "eps": 1e-8, "momentum": 0, "weight_decay": 0,
                                                "nesterov": False, **o}})
            decay = o.pop("weight_decay", 0.0)
            run(f"{name}/{i}", lambda groups: make(groups, 0.05, **o), decay)
    run("slow", lambda groups: torch.optim.AdamW(groups), 0.1, slow=0.1)


def clipping():
    norms, clipped = [], {k: [] for k in start}
    for i in range(10):
        p = {k: v.clone().requires_grad_() for k, v in start.items()}
        for k in p:
            p[k].grad = gradient[k][i] * (i + 1) / 5  # the first are short and stay as they are
        norms.append(float(torch.nn.utils.clip_grad_norm_(p.values(), 4.0)))
        for k in p:
            clipped[k].append(p[k].grad.numpy())
    arrays["clip"] = numpy.array(norms)
    for k in start:
        arrays["clipped." + k] = numpy.stack(clipped[k])


def schedules():
    def table(make, steps):
        optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=4e-3)
        schedule = make(optimiser)
        rates, momenta = [], []
        for i in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            momenta.append(optimiser.param_groups[0]["betas"][0])
            optimiser.step()
            if i + 1 < steps:
                schedule.step()
        return numpy.array(rates), numpy.array(momenta)

    schedule = torch.optim.lr_scheduler
    for case, (total, rise) in enumerate([(50, 0.3), (7, 0.3), (2, 0.3), (23, 0.5)]):
        rates, momenta = table(lambda o: schedule.OneCycleLR(o, 4e-3, total, pct_start=rise), total)
        arrays[f"one_cycle/{case}"], arrays[f"one_cycle/{case}/momentum"] = rates, momenta
    for case, (total, low) in enumerate([(50, 0.0), (7, 1e-4)]):
        arrays[f"cosine/{case}"] = table(lambda o: schedule.CosineAnnealingLR(o, total, low), total + 1)[0]


if __name__ == "__main__":
    optimisers()
    clipping()
    schedules()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optim.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
