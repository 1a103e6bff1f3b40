#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes torch.safetensors: weights of a PyTorch network in three types, and what PyTorch computes with each in float64.

Run with a Python that has torch (made with 1.13):  python3 make_torch.py

input (2, 32, 3)            windows in half precision
<type>/<name>               the state_dict of `student` as f32, f16 or bf16, with PyTorch's batch counters
<type>.logits (2, 4)        its logits for the input, with these weights
"""
import os
import sys

import torch
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(here, "../../examples/torch"))
from layers import backbone
from save_state_dict import save


class student(nn.Module):
    """A network with names of its own: features and classifier, which smldist calls backbone and intuition."""

    def __init__(self):
        super().__init__()
        self.features = backbone(3, ["3,16,16,SE,RE,2,A", "5,24,16,-,HS,2,A"], 24)
        self.classifier = nn.Linear(24, 4)

    def forward(self, x):
        return self.classifier(self.features(x)[1])


torch.manual_seed(20250117)
net = student()
x = torch.randn(2, 32, 3).half()
for _ in range(20):  # running statistics that are not those of the start
    net(x.float() + 0.1 * torch.randn(2, 32, 3))
net.eval()
trained = net.state_dict()
arrays = {"input": x}
for name, dtype in ("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16):
    state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in trained.items()}
    exact = student().double().eval()
    exact.load_state_dict(state)
    arrays.update({f"{name}/{k}": v for k, v in state.items()})
    arrays[f"{name}.logits"] = exact(x.double())
save(os.path.join(here, "torch.safetensors"), arrays)
