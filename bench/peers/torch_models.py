# SPDX-License-Identifier: BSD-3-Clause
"""The presets in PyTorch, as an expert would write them for speed: Conv2d of height 1, channels last.

`dimensions=1` gives the plain Conv1d form, `images=True` that of images (B, C, H, W). All compute the same as the
library's networks with a linear head. `load` reads their files.
"""
import collections
import json

import torch
from torch import nn
from torch.nn import functional

presets = {  # stem width 16; rows as in the library: "K,E,O,SE|-,RE|HS,stride[,A]"; width of the tail
    "har_teacher": ("3,64,32,-,RE,1 3,96,48,-,RE,2,A 3,144,48,-,RE,1 5,144,64,SE,RE,2 5,192,64,SE,RE,1,A 5,256,96,SE,HS,2 "
                    "5,384,96,SE,HS,1 5,576,128,SE,HS,1 5,768,128,SE,HS,1,A", 256),
    "har_student": ("3,16,16,SE,RE,2,A 5,48,24,-,RE,2,A 5,64,32,SE,HS,2 5,96,32,SE,HS,1,A", 96),
    "har_nano": ("5,16,16,-,RE,2,A 5,32,16,SE,HS,2,A 5,48,24,SE,HS,2,A", 48),
    "mobilenet_v3_small": ("3,16,16,SE,RE,2 3,72,24,-,RE,2 3,88,24,-,RE,1 5,96,40,SE,HS,2 5,240,40,SE,HS,1 5,240,40,SE,HS,1 "
                           "5,120,48,SE,HS,1 5,144,48,SE,HS,1 5,288,96,SE,HS,2 5,576,96,SE,HS,1 5,576,96,SE,HS,1", 576),
}


def divisible(v, by=8):
    n = max(by, int(v + by / 2) // by * by)
    return n + by if n < 0.9 * v else n


def recurrent(batch_first):
    """Windows (B, L, 9), or (L, B, 9), to logits (B, 6)."""
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.GRU(9, 64, batch_first=batch_first), nn.Linear(64, 6)

        def forward(self, x):
            return self.head(self.layer(x)[1][-1])
    return Recurrent()


def perceptron():
    """Rows (B, 64) to logits (B, 10)."""
    return nn.Sequential(collections.OrderedDict(first=nn.Linear(64, 128), act=nn.ReLU(), last=nn.Linear(128, 10)))


class Network(nn.Module):
    """Windows (B, L, C), or images (B, C, H, W), to logits (B, N)."""

    def __init__(self, preset, channels=9, classes=6, dimensions=2, dropout=0.2, images=False):
        super().__init__()
        rows, tail = presets[preset]
        self.dimensions, self.images = dimensions, images
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv1d, nn.BatchNorm1d)

        def along(k, other):  # a kernel, stride or padding: along time only, or along both axes of an image
            return (k if images else other, k) if dimensions == 2 else k

        def conv_norm(c, o, k=1, stride=1, groups=1, act=None):
            layers = [convolution(c, o, along(k, 1), along(stride, 1), along(k // 2, 0), groups=groups, bias=False), norm(o)]
            return layers + ([nn.Hardswish() if act == "HS" else nn.ReLU()] if act else [])

        class SqueezeExcite(nn.Module):
            def __init__(self, width):
                super().__init__()
                squeezed = divisible(width // 4)
                self.down, self.up = convolution(width, squeezed, 1), convolution(squeezed, width, 1)

            def forward(self, x):
                s = x.mean(dim=tuple(range(2, x.dim())), keepdim=True)
                return x * functional.hardsigmoid(self.up(functional.relu(self.down(s))))

        class Block(nn.Module):
            def __init__(self, c, row):
                super().__init__()
                k, e, o, se, act, stride = row.split(",")[:6]
                k, e, o, stride = int(k), int(e), int(o), int(stride)
                layers = conv_norm(c, e, act=act) if e != c else []
                layers += conv_norm(e, e, k, stride, groups=e, act=act)
                if se == "SE":
                    layers.append(SqueezeExcite(e))
                self.layers = nn.Sequential(*layers, *conv_norm(e, o))
                self.residual, self.width = stride == 1 and c == o, o

            def forward(self, x):
                return x + self.layers(x) if self.residual else self.layers(x)

        self.stem = nn.Sequential(*conv_norm(channels, 16, 3, 2, act="HS"))
        blocks, width = [], 16
        for row in rows.split():
            blocks.append(Block(width, row))
            width = blocks[-1].width
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(*conv_norm(width, tail, act="HS"))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(tail, classes)
        for m in self.modules():
            if isinstance(m, (nn.Conv1d, nn.Conv2d)):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        if dimensions == 2:
            self.to(memory_format=torch.channels_last)

    def forward(self, x):
        if not self.images:
            x = x.transpose(1, 2)
            if self.dimensions == 2:  # (B, C, 1, L): a view of channels-last memory, nothing is copied
                x = x.unsqueeze(2)
        f = self.tail(self.blocks(self.stem(x)))
        return self.classifier(self.dropout(f.mean(dim=tuple(range(2, f.dim())))))


def read_model_file(path):
    """The float tensors of a model file by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        buffer = bytearray(file.read())
    return {name: torch.frombuffer(buffer, dtype=torch.float32, offset=entry["data_offsets"][0],
                                   count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4)
            .reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__" and entry["dtype"] == "F32"}


def load(net, path):
    """Takes weights and running statistics from a file of the library; every tensor of it must be used."""
    tensors = read_model_file(path)
    if not isinstance(net, Network):
        net.load_state_dict(tensors)
        return net

    def take(module, name):
        for key, to in list(module.named_parameters()) + [b for b in module.named_buffers() if "running" in b[0]]:
            with torch.no_grad():
                to.copy_(tensors.pop(f"{name}.{key}").reshape(to.shape))

    def take_conv_norm(layers, name):
        take(layers[0], f"{name}.conv")
        take(layers[1], f"{name}.norm")

    take_conv_norm(net.stem, "backbone.stem")
    for i, block in enumerate(net.blocks):
        name = f"backbone.blocks.{i}"
        layers = list(block.layers)
        gate = [m for m in layers if hasattr(m, "down")]
        for m in gate:
            take(m.down, f"{name}.se.fc1")
            take(m.up, f"{name}.se.fc2")
        layers = [m for m in layers if hasattr(m, "weight")]
        parts = ["expand"] * (len(layers) == 6) + ["depthwise", "project"]
        for k, part in enumerate(parts):
            take_conv_norm(layers[2 * k:], f"{name}.{part}")
    take_conv_norm(net.tail, "backbone.tail")
    take(net.classifier, "intuition")
    left = [name for name in tensors if not name.startswith("selftest.")]
    if left:
        raise ValueError(f"{path}: tensors of no layer: {left}")
    return net
