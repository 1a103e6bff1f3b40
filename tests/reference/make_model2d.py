#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes model2d.safetensors: what PyTorch computes for MobileNetV3 of images in float64.

Run with a Python that has torch (made with 1.13):  python3 make_model2d.py

The networks have torchvision's tables (torchvision.models.mobilenetv3, _mobilenet_v3_conf) at a tenth of the width, its
batch-norms and its blocks, then a linear head. x is a batch (B, H, W, 3), labels are of 4 classes. For small and large:

    <network>/init/<path>                   parameters and buffers at the start, half precision
    <network>/<eval or train>/<output>      stage0, stage1, stage2, feature and logits
    <network>/loss                          cross entropy of those in training mode
    <network>/gradient/<path>               its gradient by every parameter
    <network>/running/<path>                the running statistics after that batch

Loss, feature and logits are stored in double precision, the rest in single precision.
"""
import os

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from layers import ACTIVATION, hard_sigmoid, make_divisible, randomise, state
from safetensors_numpy import save

WIDTH = 0.1
# in, kernel, expanded, out, squeeze-excite, activation, stride; then the blocks whose outputs are stages
SMALL = ([(16, 3, 16, 16, True, "RE", 2), (16, 3, 72, 24, False, "RE", 2), (24, 3, 88, 24, False, "RE", 1),
          (24, 5, 96, 40, True, "HS", 2), (40, 5, 240, 40, True, "HS", 1), (40, 5, 240, 40, True, "HS", 1),
          (40, 5, 120, 48, True, "HS", 1), (48, 5, 144, 48, True, "HS", 1), (48, 5, 288, 96, True, "HS", 2),
          (96, 5, 576, 96, True, "HS", 1), (96, 5, 576, 96, True, "HS", 1)], (0, 2, 7))
LARGE = ([(16, 3, 16, 16, False, "RE", 1), (16, 3, 64, 24, False, "RE", 2), (24, 3, 72, 24, False, "RE", 1),
          (24, 5, 72, 40, True, "RE", 2), (40, 5, 120, 40, True, "RE", 1), (40, 5, 120, 40, True, "RE", 1),
          (40, 3, 240, 80, False, "HS", 2), (80, 3, 200, 80, False, "HS", 1), (80, 3, 184, 80, False, "HS", 1),
          (80, 3, 184, 80, False, "HS", 1), (80, 3, 480, 112, True, "HS", 1), (112, 3, 672, 112, True, "HS", 1),
          (112, 5, 672, 160, True, "HS", 2), (160, 5, 960, 160, True, "HS", 1), (160, 5, 960, 160, True, "HS", 1)],
         (2, 5, 11))

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261201)
arrays = {}


def scaled(n):
    return make_divisible(n * WIDTH)


class conv_norm(nn.Module):
    def __init__(self, width, out, kernel_size, stride=1, groups=1, activation="-"):
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel_size, stride, (kernel_size - 1) // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=0.001, momentum=0.01)
        self.activation = activation

    def forward(self, x):
        return ACTIVATION[self.activation](self.norm(self.conv(x)))


class squeeze_excite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        return x * hard_sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))[:, :, None, None]


class inverted_residual(nn.Module):
    def __init__(self, width, kernel_size, expanded, out, se, activation, stride):
        super().__init__()
        if expanded != width:
            self.expand = conv_norm(width, expanded, 1, activation=activation)
        self.depthwise = conv_norm(expanded, expanded, kernel_size, stride, expanded, activation)
        self.se = squeeze_excite(expanded, make_divisible(expanded // 4)) if se else nn.Identity()
        self.project = conv_norm(expanded, out, 1)
        self.residual = stride == 1 and width == out

    def forward(self, x):
        h = self.expand(x) if hasattr(self, "expand") else x
        h = self.project(self.se(self.depthwise(h)))
        return h + x if self.residual else h


class backbone(nn.Module):
    def __init__(self, table, stages):
        super().__init__()
        self.stem = conv_norm(3, scaled(16), 3, 2, activation="HS")
        self.blocks = nn.ModuleList(inverted_residual(scaled(i), k, scaled(e), scaled(o), *rest)
                                    for i, k, e, o, *rest in table)
        self.tail = conv_norm(scaled(table[-1][3]), 6 * scaled(table[-1][3]), 1, activation="HS")
        self.stages = stages

    def forward(self, x):
        h, stages = self.stem(x.permute(0, 3, 1, 2)), []
        for i, block in enumerate(self.blocks):
            h = block(h)
            if i in self.stages:
                stages.append(h.permute(0, 2, 3, 1))
        return stages, self.tail(h).mean((2, 3))


class network(nn.Module):
    def __init__(self, table, stages):
        super().__init__()
        self.backbone = backbone(table, stages)
        self.intuition = nn.Linear(self.backbone.tail.norm.num_features, 4)

    def forward(self, x):
        stages, feature = self.backbone(x)
        return {**{f"stage{i}": s for i, s in enumerate(stages)}, "feature": feature, "logits": self.intuition(feature)}


def store(name, value, dtype=numpy.float32):
    arrays[name] = value.detach().numpy().astype(dtype)


def store_outputs(prefix, outputs):
    for name, value in outputs.items():
        store(prefix + name, value, numpy.float32 if name.startswith("stage") else numpy.float64)


if __name__ == "__main__":
    x = torch.randn(3, 45, 38, 3).half().double()
    labels = torch.tensor([2, 0, 3])
    store("x", x, numpy.float16)
    store("labels", labels, numpy.int32)
    for name, table in (("small", SMALL), ("large", LARGE)):
        model = network(*table)
        randomise(model)
        for path, value in state(model).items():
            store(f"{name}/init/{path}", value, numpy.float16)
        model.eval()
        store_outputs(f"{name}/eval/", model(x))
        model.train()
        outputs = model(x)
        loss = F.cross_entropy(outputs["logits"], labels)
        loss.backward()
        store_outputs(f"{name}/train/", outputs)
        store(f"{name}/loss", loss, numpy.float64)
        for path, p in model.named_parameters():
            store(f"{name}/gradient/{path}", p.grad)
        for path, b in state(model).items():
            if path.endswith(("running_mean", "running_var")):
                store(f"{name}/running/{path}", b)
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "model2d.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__})
    print(len(arrays), "arrays")
