#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes and reads safetensors files with PyTorch and no other package.

    save_state_dict.py model.pt model.safetensors [--half | --bfloat16]

model.pt is what torch.save(model.state_dict(), "model.pt") wrote. In a program of your own: save(path, model.state_dict()).
"""
import argparse
import ctypes
import json
import struct

import torch

NAMES = {torch.float64: "F64", torch.int64: "I64", torch.float32: "F32", torch.int32: "I32", torch.float16: "F16",
         torch.bfloat16: "BF16", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def save(path, tensors, dtype=None):
    """Writes a dict of tensors; those of floating point as `dtype` if one is given."""
    header, parts, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name, t in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        t = t.detach().to("cpu", dtype if dtype and t.is_floating_point() else t.dtype).contiguous()
        parts.append(ctypes.string_at(t.data_ptr(), t.numel() * t.element_size()))
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def load(path):
    """The tensors of a file, also of a model file of smldist, as a dict."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    types = {name: dtype for dtype, name in NAMES.items()}
    return {name: torch.frombuffer(data[slice(*e["data_offsets"])], dtype=types[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Writes the state_dict in a .pt file as safetensors.")
    arguments.add_argument("state_dict")
    arguments.add_argument("safetensors")
    group = arguments.add_mutually_exclusive_group()
    group.add_argument("--half", dest="dtype", action="store_const", const=torch.float16)
    group.add_argument("--bfloat16", dest="dtype", action="store_const", const=torch.bfloat16)
    given = arguments.parse_args()
    save(given.safetensors, torch.load(given.state_dict, map_location="cpu"), given.dtype)
