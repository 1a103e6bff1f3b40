# SPDX-License-Identifier: BSD-3-Clause
"""Reads and writes safetensors with NumPy. BF16 is read as float32; torch tensors go in as t.detach().numpy()."""
import json
import struct

import numpy as np

TYPES = {"F64": "<f8", "I64": "<i8", "F32": "<f4", "I32": "<i4", "F16": "<f2", "BF16": "<u2", "I16": "<i2", "I8": "|i1",
         "U8": "|u1", "BOOL": "|b1"}
NAMES = {np.dtype(code): name for name, code in TYPES.items() if name != "BF16"}


def save(path, tensors, metadata=None):
    """Writes a dict of arrays, and a dict of strings, in the order and with the padding of smldist's writer."""
    arrays = {name: np.asarray(a) for name, a in tensors.items()}
    header, parts, end = ({"__metadata__": dict(sorted(metadata.items()))} if metadata else {}), [], 0
    for name in sorted(arrays, key=lambda n: (-arrays[n].itemsize, n.encode())):
        a = arrays[name]
        a = a.astype(a.dtype.newbyteorder("<"))
        parts.append(a.tobytes())
        header[name] = {"dtype": NAMES[a.dtype], "shape": list(a.shape), "data_offsets": [end, end + a.nbytes]}
        end += a.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def load(path, with_metadata=False):
    """Returns a dict of arrays, or that and the dict of metadata."""
    data = open(path, "rb").read()
    buffer = 8 + struct.unpack("<Q", data[:8])[0]
    header, tensors = json.loads(data[8:buffer]), {}
    metadata = header.pop("__metadata__", {})
    for name, e in header.items():
        begin, end = e["data_offsets"]
        a = np.frombuffer(data[buffer + begin:buffer + end], TYPES[e["dtype"]]).reshape(e["shape"])
        tensors[name] = (a.astype("<u4") << 16).view("<f4") if e["dtype"] == "BF16" else a
    return (tensors, metadata) if with_metadata else tensors
