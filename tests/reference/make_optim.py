#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes optim.safetensors: ten steps of PyTorch's optimisers, its clipping and its schedules, in float64.

Run with a Python that has torch (made with 1.13):  python3 make_optim.py

start.weight, start.bias             the two parameters; the bias is not decayed
gradient.weight, gradient.bias       (10, n): their gradients at each step
<optimiser>/<case>/weight, /bias     (10, n): the parameters after each step; the options are in the metadata entry "cases"
slow                                 as adamw/1, except that the bias learns at a tenth of the rate
clip                                 (10): the norms before; clipped.weight, clipped.bias: what clip_grad_norm_(…, 4) leaves
one_cycle/<case>, cosine/<case>, warm_restarts/<case>   the rate at each step; one_cycle/<case>/momentum
lookahead/<case>, ranger/<case>      written from their formulas; lookahead/<case> is around the optimiser its case names
plateau/<case>/figure, /lr           ReduceLROnPlateau: its observations and the rates after them; options in "plateaus"
swa/…                                AveragedModel and update_bn over a linear map with batch-norm
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
        "radam": (torch.optim.RAdam, [{}, {"weight_decay": 0.1}, {"betas": (0.8, 0.95), "eps": 1e-3}]),
    }
    for name, (make, options) in family.items():
        for i, o in enumerate(options):
            o = dict(o)
            cases.append({"optimiser": name, **{"betas": [0.9, 0.999], "eps": 1e-8, "momentum": 0, "weight_decay": 0,
                                                "nesterov": False, **o}})
            decay = o.pop("weight_decay", 0.0)
            run(f"{name}/{i}", lambda groups: make(groups, 0.05, **o), decay)
    run("slow", lambda groups: torch.optim.AdamW(groups), 0.1, slow=0.1)


class Lookahead:
    """slow += alpha (fast - slow), fast = slow, every k steps of any optimiser."""

    def __init__(self, inner, k, alpha):
        self.inner, self.k, self.alpha, self.steps = inner, k, alpha, 0
        self.params = [p for g in inner.param_groups for p in g["params"]]
        self.slow = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def step(self):
        self.inner.step()
        self.steps += 1
        if self.steps % self.k == 0:
            for p, slow in zip(self.params, self.slow):
                slow += self.alpha * (p - slow)
                p.copy_(slow)


class DecoupledRAdam(torch.optim.Optimizer):
    """RAdam as in the paper, the parameter first scaled by 1 - lr weight_decay."""

    def __init__(self, groups, betas, eps):
        super().__init__(groups, {"betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                s["t"] += 1
                t = s["t"]
                s["m"] = beta1 * s["m"] + (1 - beta1) * p.grad
                s["v"] = beta2 * s["v"] + (1 - beta2) * p.grad ** 2
                most = 2 / (1 - beta2) - 1
                rho = most - 2 * t * beta2 ** t / (1 - beta2 ** t)
                p *= 1 - lr * group["weight_decay"]
                mean = s["m"] / (1 - beta1 ** t)
                if rho > 5:
                    r = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
                    p -= lr * r * (1 - beta2 ** t) ** 0.5 * mean / (s["v"].sqrt() + group["eps"])
                else:
                    p -= lr * mean


def lookaheads():
    for i, (inner, k, alpha, make) in enumerate([
            ("sgd", 3, 0.7, lambda groups: torch.optim.SGD(groups, 0.05, momentum=0.9)),
            ("adam", 4, 0.3, lambda groups: torch.optim.Adam(groups, 0.05)),
            ("adam", 1, 1.0, lambda groups: torch.optim.Adam(groups, 0.05))]):
        cases.append({"optimiser": "lookahead", "inner": inner, "k": k, "alpha": alpha})
        run(f"lookahead/{i}", lambda groups: Lookahead(make(groups), k, alpha), 0.1)
    for i, decay in enumerate([0.0, 0.1]):
        cases.append({"optimiser": "ranger", "weight_decay": decay})
        run(f"ranger/{i}", lambda groups: Lookahead(DecoupledRAdam(groups, (0.95, 0.999), 1e-5), 6, 0.5), decay)


def clipping():
    norms, clipped = [], {k: [] for k in start}
    for i in range(10):
        p = {k: v.clone().requires_grad_() for k, v in start.items()}
        for k in p:
            p[k].grad = gradient[k][i] * (i + 1) / 5  # the first gradients are short and remain unclipped
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
    for case, (period, mult, low) in enumerate([(7, 1, 0.0), (3, 2, 1e-4), (1, 3, 0.0), (5, 2, 0.0)]):
        arrays[f"warm_restarts/{case}"] = table(
            lambda o: schedule.CosineAnnealingWarmRestarts(o, period, mult, low), 60)[0]


def plateaus():
    random = numpy.random.RandomState(7)
    options = []
    for mode in ("min", "max"):
        for threshold_mode in ("rel", "abs"):
            for patience, cooldown, factor, threshold, low in [(0, 0, 0.5, 1e-4, 0.0), (2, 0, 0.1, 1e-4, 1e-5),
                                                               (1, 3, 0.3, 0.05, 0.0), (3, 1, 0.7, 0.01, 1e-3)]:
                o = {"mode": mode, "threshold_mode": threshold_mode, "patience": patience, "cooldown": cooldown,
                     "factor": factor, "threshold": threshold, "min_lr": low}
                optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
                schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **o)
                sign = 1 if mode == "min" else -1
                figures = sign * (3 * numpy.exp(-numpy.arange(60) / 12) + 0.3 * random.randn(60))  # of both signs
                rates = []
                for f in figures:
                    schedule.step(f)
                    rates.append(optimiser.param_groups[0]["lr"])
                arrays[f"plateau/{len(options)}/figure"] = figures
                arrays[f"plateau/{len(options)}/lr"] = numpy.array(rates)
                options.append(o)
    return options


def swa():
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4))
    mean = torch.optim.swa_utils.AveragedModel(net)
    x = torch.randn(17, 5)
    batches = [x[:7], x[7:13], x[13:]]  # of unequal size
    weights = {k: [] for k in ("0.weight", "0.bias", "1.weight", "1.bias")}
    for _ in range(4):
        for k, p in net.named_parameters():
            p.data = torch.randn_like(p)
            weights[k].append(p.detach().numpy().copy())
        mean.update_parameters(net)
    torch.optim.swa_utils.update_bn(batches, mean)
    arrays["swa/x"] = x.numpy()
    for k, v in weights.items():
        arrays["swa/models/" + k] = numpy.stack(v)
    for k, v in mean.module.state_dict().items():
        if k != "1.num_batches_tracked":
            arrays["swa/mean/" + k] = v.numpy()


if __name__ == "__main__":
    optimisers()
    clipping()
    schedules()
    lookaheads()
    plateau_cases = plateaus()
    swa()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optim.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases),
          "plateaus": json.dumps(plateau_cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
