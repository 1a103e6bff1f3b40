#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes hopfield.safetensors: what the library hflayers (ml-jku/hopfield-layers) computes in float64 for the options of
nn::hopfield_association, nn::hopfield_lookup and nn::hopfield_pooling.

Run with a Python that has torch (made with 1.13):  python3 make_hopfield.py PATH_OF_HFLAYERS_CLONE

Every case <n>/ holds inputs 0, 1, … and parameters p.<path of smldist> (half precision), masks padding and association
(additive), y, dy, the gradients d0, d1, … and d.<path>, the associations a and, for an association, the projected patterns
v. The metadata entry "cases" is a JSON list of the cases with their options, by the names of nn::hopfield_options. A case
with "composed" has an option that hflayers lacks, or whose code does not do what its documentation says. It is computed by
`composed` below, the formula of nn/hopfield.hpp; that function is compared with hflayers in all other cases.
"""
import json
import math
import os
import sys

import numpy
import torch
from torch.nn.functional import layer_norm, linear

from safetensors_numpy import save

sys.path.insert(0, sys.argv[1])
import hflayers  # noqa: E402

# In PyTorch 1.13 the gradient of masked_select has a wrong order when the tensor is not contiguous and the mask is repeated,
# as the patterns of an update are in hflayers.
masked_select = torch.Tensor.masked_select
torch.Tensor.masked_select = lambda x, mask: masked_select(x.contiguous(), mask)

torch.set_default_dtype(torch.float64)
torch.manual_seed(20250301)
arrays, cases = {}, []
B, Q, M, D, DY, DP = 2, 3, 5, 4, 5, 3
INF = math.inf
NORMS = {"norm_state": "state_pattern", "norm_stored": "stored_pattern", "norm_source": "pattern_projection",
         "norm_space": "hopfield_space"}


def half(*shape):
    return torch.randn(shape).half().double()


def hflayers_options(o):
    """nn::hopfield_options as keyword arguments of hflayers."""
    direct = {"heads": "num_heads", "head_width": "hidden_size", "pattern_width": "pattern_size", "out": "output_size",
              "beta": "scaling", "static_state": "state_pattern_as_static",
              "static_stored": "stored_pattern_as_static", "static_source": "pattern_projection_as_static",
              "connected_source": "pattern_projection_as_connected", "bias": "input_bias",
              "bias_pattern": "concat_bias_pattern", "zero_association": "add_zero_association",
              "activation": "association_activation", "trainable": "trainable",
              "separate_targets": "lookup_weights_as_separated", "trainable_targets": "lookup_targets_as_trainable",
              "stored_width": "stored_pattern_size", "source_width": "pattern_projection_size"}
    to = {direct[k]: v for k, v in o.items() if k in direct}
    to["disable_out_projection"] = not o.get("project_out", True)
    updates, eps = o.get("updates", 0), o.get("eps", 1e-4)
    to["update_steps_max"] = torch.tensor(updates) if isinstance(updates, list) else None if updates == 1024 else updates
    to["update_steps_eps"] = torch.tensor(eps) if isinstance(eps, list) else eps
    for name, theirs in NORMS.items():
        on, affine, eps = norm_of(o, name)
        to["normalize_" + theirs], to["normalize_" + theirs + "_affine"] = on, on and affine
        if eps != 1e-5:
            to["normalize_" + theirs + "_eps"] = eps
    return to


def norm_of(o, name):
    return o.get(name, [name != "norm_space" and o.get("normalise", True), name != "norm_space", 1e-5])


def parameters(module, o):
    """The parameters of a module of hflayers by the paths of smldist: path → (parameter, first row, last row)."""
    hopfield = module if isinstance(module, hflayers.Hopfield) else module.hopfield
    core, to = hopfield.association_core, {}
    prefix = "" if hopfield is module else "association."
    whole = {"norm_state": hopfield.norm_state_pattern, "norm_stored": hopfield.norm_stored_pattern,
             "norm_source": hopfield.norm_pattern_projection, "out": core.out_proj}
    for name, part in whole.items():
        for leaf, p in ([] if part is None else part.named_parameters()):
            to[f"{prefix}{name}.{leaf}"] = (p, 0, len(p))
    for leaf in ("weight", "bias"):
        p = getattr(core, "p_norm_" + leaf)
        if p is not None:
            to[f"{prefix}norm_space.{leaf}"] = (p, 0, len(p))
    rows = 0
    for name, static, size in (("query", core.query_as_static, core.virtual_hopfield_dim),
                               ("key", core.key_as_static, core.virtual_hopfield_dim),
                               ("value", core.value_as_static, core.virtual_pattern_dim)):
        if static:
            continue
        own = getattr(core, name[0] + "_proj_weight")
        to[f"{prefix}{name}.weight"] = (core.in_proj_weight, rows, rows + size) if own is None else (own, 0, len(own))
        if core.in_proj_bias is not None:
            to[f"{prefix}{name}.bias"] = (core.in_proj_bias, rows, rows + size)
        rows += size
    for theirs, ours in (("pooling_weights", "states"), ("lookup_weights", "patterns"), ("target_weights", "targets")):
        p = getattr(module, theirs, None)
        if p is not None:
            to[ours] = (p, 0, 1)
    return to


def composed(p, o, state, stored, source, padding, association):
    """y, associations and patterns by the formula of nn/hopfield.hpp. p: parameters by path."""
    def norm(name, x):
        on, affine, eps = norm_of(o, name)
        return layer_norm(x, x.shape[-1:], p.get(name + ".weight"), p.get(name + ".bias"), eps) if on else x

    def through(name, x):
        return linear(x, p[name + ".weight"], p.get(name + ".bias")) if name + ".weight" in p else x

    heads = o.get("heads", 1)
    q, k = through("query", norm("norm_state", state)), through("key", norm("norm_stored", stored))
    v = norm("norm_source", source)
    v = through("value", through("key", v) if o.get("connected_source") else v)
    h = o.get("head_width") or (state.shape[-1] if o.get("static_state") else state.shape[-1] // heads)
    w = o.get("pattern_width") or (v.shape[-1] if o.get("static_source") and not o.get("connected_source") else h)
    batch = max(len(x) for x in (state, stored, source))
    results, associations, patterns = [], [], []
    for i in range(heads):
        def part(x, width):
            return x if x.shape[-1] == width else x[..., i * width:(i + 1) * width]
        a, b, c = norm("norm_space", part(q, h)), norm("norm_space", part(k, h)), part(v, w)
        mask = torch.zeros(batch, a.shape[1], b.shape[1])
        if padding is not None:
            mask = mask + padding[:, None]
        if association is not None:
            mask = mask + (association if association.dim() == 2 else association.view(batch, heads, *mask.shape[1:])[:, i])
        if "bias_key" in p:
            b = torch.cat([b, part(p["bias_key"], h).expand(len(b), 1, -1)], 1)
            c = torch.cat([c, part(p["bias_value"], w).expand(len(c), 1, -1)], 1)
        if o.get("zero_association"):
            b, c = (torch.cat([x, torch.zeros_like(x[:, :1])], 1) for x in (b, c))
        mask = torch.nn.functional.pad(mask, (0, b.shape[1] - mask.shape[2]))
        beta = p["log_beta"].exp()
        beta = beta[i] if len(beta) > 1 else beta
        updates, eps = (x[i] if isinstance(x, list) else x for x in (o.get("updates", 0), o.get("eps", 1e-4)))
        a, x = retrieve(a.expand(batch, -1, -1), b.expand(batch, -1, -1), beta, mask, updates, eps, o.get("stop", "batch"))
        results.append(x @ c)
        associations.append(x)
        patterns.append(c.expand(batch, -1, -1))
    y = through("out", torch.cat(results, -1))
    y = getattr(torch, o["activation"])(y) if "activation" in o else y
    return y, torch.stack(associations, 1), torch.stack(patterns, 1)


def retrieve(q, k, beta, mask, updates, eps, stop):
    """The last states and their associations."""
    def associate(q):
        return torch.softmax(beta * q @ k.transpose(1, 2) + mask, -1)
    moves, p = torch.ones(len(q), q.shape[1], 1, dtype=torch.bool), associate(q)
    for u in range(updates):
        after = p @ k
        moved = (after - q).norm(dim=2, keepdim=True)
        q = torch.where(moves, after, q)
        before, p = p, associate(q)
        changed = (p - before).norm(dim=(1, 2))[:, None, None]
        moves = moves & (moved >= eps if stop == "state" else changed > eps if stop == "sample" else changed.max() > eps)
        if not moves.any():
            break
    return q, p


def store(name, value, dtype=numpy.float64):
    arrays[name] = value.detach().numpy().astype(dtype)


def randomise(p):
    with torch.no_grad():
        p.copy_(torch.randn(p.shape).mul(0.2).add(1 if p.dim() == 1 else 0).half() if p.dim() == 1 else
                (1.5 * torch.randn(p.shape) / math.sqrt(p.shape[-1])).half())


def write(layer, o, inputs, padding=None, association=None, quantity=0):
    """One case. Masks: padding flags (B, M), association flags (Q, M) or numbers (B·heads, Q, M)."""
    ours = o.pop("composed", False)
    kind = {"association": hflayers.Hopfield, "lookup": hflayers.HopfieldLayer,
            "pooling": hflayers.HopfieldPooling}[layer]
    theirs = hflayers_options({k: v for k, v in o.items() if not (ours and k == "beta" and isinstance(v, list))})
    if layer == "association":
        theirs.update(stored_pattern_size=DY if o.get("unlike", True) else None,
                      pattern_projection_size=DP if o.get("unlike", True) else None)
        for size, name in ((1, "stored_pattern_size"), (2, "pattern_projection_size")):
            if inputs[size].shape[-1] != D or theirs[name] is not None:
                theirs[name] = inputs[size].shape[-1]
    else:
        theirs["quantity"] = quantity
    module = kind(o.get("width", D), batch_first=True, **theirs)
    for p in module.parameters():
        randomise(p)
    named = parameters(module, o)
    leaves = {path: (p.detach()[0] if p.dim() == 3 else p.detach()[first:last]).clone()
              for path, (p, first, last) in named.items()}
    core = (module if layer == "association" else module.hopfield).association_core
    scaling = (module if layer == "association" else module.hopfield).scaling
    prefix = "" if layer == "association" else "association."
    betas = o["beta"] if isinstance(o.get("beta"), list) else [float(scaling)]
    leaves[prefix + "log_beta"] = torch.tensor(betas).log()
    if o.get("bias_pattern"):
        for name, size in (("bias_key", core.virtual_hopfield_dim), ("bias_value", core.virtual_pattern_dim)):
            leaves[prefix + name] = half(size)
    inputs = [x.clone().requires_grad_() for x in inputs]

    def additive(mask):
        return torch.zeros(mask.shape).masked_fill(mask, -INF) if mask is not None and mask.dtype == torch.bool else mask

    def compose(leaves):
        p = {path[len(prefix):] if path.startswith(prefix) else path: x for path, x in leaves.items()}
        state, *rest = inputs
        if layer == "pooling":
            triple = (p["states"][None], inputs[0], inputs[-1])
        elif layer == "lookup":
            triple = (state, p["patterns"][None], p.get("targets", p["patterns"])[None])
        else:
            triple = (state, *rest)
        y, a, v = composed(p, o, *triple, additive(padding), additive(association))
        return y.flatten(1) if layer == "pooling" else y, a, v

    case = f"{len(cases)}/"
    if ours:
        leaves = {path: x.requires_grad_() for path, x in leaves.items()}
        y, a, v = compose(leaves)
    else:
        data = tuple(inputs) if layer == "association" else inputs[0] if len(inputs) == 1 else tuple(inputs)
        if layer == "association":
            data = (inputs[1], inputs[0], inputs[2])
        masks = {"stored_pattern_padding_mask": padding, "association_mask": association}
        y = module(data, **masks)
        a = module.get_association_matrix(data, **masks)
        v = module.get_projected_pattern_matrix(data, **masks)
        for got, wanted, what in zip((y, a, v), compose(leaves), "yav"):
            assert torch.allclose(got, wanted, rtol=1e-9, atol=1e-11), (layer, o, what, (got - wanted).abs().max())
    dy = half(*y.shape)
    y.backward(dy)
    for i, x in enumerate(inputs):
        store(f"{case}{i}", x, numpy.float16)
        store(f"{case}d{i}", x.grad)
    for path, x in leaves.items():
        store(f"{case}p.{path}", x, numpy.float64 if path.endswith("log_beta") else numpy.float16)
        p, first, last = named.get(path, (None, 0, 0))
        gradient = x.grad if ours else None if p is None or p.grad is None else p.grad[0] if p.dim() == 3 else \
            p.grad[first:last]
        if gradient is not None:
            store(f"{case}d.{path}", gradient)
    for name, mask in (("padding", padding), ("association", association)):
        if mask is not None:
            store(case + name, additive(mask), numpy.float16)
    store(case + "y", y)
    store(case + "dy", dy, numpy.float16)
    store(case + "a", a)
    if layer == "association":
        store(case + "v", v)
    betas = {"head_beta": betas} if len(betas) > 1 else {"beta": betas[0]}
    cases.append({**{k: v for k, v in o.items() if k not in ("unlike", "beta")}, **betas, "layer": layer,
                  "quantity": quantity})


def triple(batch=B, state=D, stored=DY, source=DP):
    return [half(batch, Q, state), half(batch, M, stored), half(batch, M, source)]


def hidden(*shape):
    """Flags of a third of the patterns, never of all."""
    flags = torch.rand(shape) < 0.35
    flags[..., 1] = False
    return flags


def association():
    same = {"unlike": False}
    write("association", {**same, "heads": 2}, triple(stored=D, source=D))
    write("association", {"heads": 2, "head_width": 3, "pattern_width": 2, "out": 3, "beta": 0.7}, triple())
    for updates, rows in ((0, B), (2, B)):  # masks
        o = {"heads": 2, "updates": updates, "eps": 1e-9, "beta": 1.5}
        write("association", dict(o), triple(), padding=hidden(B, M))
        write("association", dict(o), triple(), association=hidden(Q, M))
        write("association", dict(o), triple(), padding=hidden(B, M), association=half(B * 2, Q, M))
    for updates, eps in ((3, 0.02), (8, 0.05), (1024, 0.01), ([1, 4], 0.03), ([3, 3], [0.3, 0.001])):  # their rule
        write("association", {"heads": 2, "updates": updates, "eps": eps, "beta": 2.0}, triple(), padding=hidden(B, M))
    for affine, eps in ((False, 1e-5), (True, 0.1)):
        write("association", {"heads": 2, "head_width": 3, "norm_space": [True, affine, eps], "updates": 1, "eps": 1e-9},
              triple(), padding=hidden(B, M))
    for name in ("static_state", "static_stored", "static_source"):  # of one head, or of one sample
        for heads, batch in ((1, 2), (2, 1)):
            widths = {name[7:]: 4 // heads}
            if name == "static_state" and heads == 2:
                continue  # the state of hflayers is then not as wide as its input size
            write("association", {"heads": heads, name: True, "normalise": False, "updates": 1, "eps": 1e-9,
                                  "head_width": 4 // heads}, triple(batch, **widths))
    write("association", {"static_state": True, "static_stored": True, "static_source": True, "project_out": False,
                          "normalise": False, **same}, triple(stored=D, source=D))
    for o, width in (({}, DP), ({"static_source": True}, D), ({"heads": 2, "updates": 1, "eps": 1e-9}, DP)):
        write("association", {"connected_source": True, **o}, triple(stored=width, source=width))
    write("association", {"connected_source": True, "static_stored": True, "normalise": False},
          triple(stored=D, source=D))
    for updates in (0, 2):
        write("association", {"heads": 2, "zero_association": True, "updates": updates, "eps": 1e-9}, triple(),
              padding=hidden(B, M), association=hidden(Q, M))
    write("association", {"heads": 2, "project_out": False}, triple())
    write("association", {"heads": 2, "bias": False, "activation": "tanh"}, triple())
    write("association", {"norm_state": [True, False, 0.1], "norm_stored": [False, False, 1e-5],
                          "norm_source": [True, True, 0.3]}, triple())


def layers():
    write("pooling", {"heads": 2, "stored_width": DY, "source_width": DP}, [half(B, M, DY), half(B, M, DP)],
          padding=hidden(B, M), quantity=2)
    write("pooling", {"updates": 2, "eps": 1e-9, "trainable": False, "out": 3}, [half(B, M, D)], quantity=3)
    write("pooling", {"static_state": True, "head_width": 3, "norm_state": [False, False, 1e-5]}, [half(B, M, D)],
          quantity=2)
    write("lookup", {"heads": 2, "updates": 2, "eps": 0.01, "beta": 2.0}, [half(B, Q, D)], quantity=6)
    write("lookup", {"separate_targets": True, "trainable": False, "stored_width": DY, "source_width": DP},
          [half(B, Q, D)], association=hidden(Q, 6), quantity=6)
    write("lookup", {"separate_targets": True, "trainable_targets": False, "zero_association": True}, [half(B, Q, D)],
          quantity=6)
    write("lookup", {"static_stored": True, "head_width": 3, "norm_stored": [False, False, 1e-5],
                     "norm_source": [False, False, 1e-5], "source_width": 3}, [half(B, Q, D)], quantity=6)


def beyond():
    """What hflayers lacks, or has in another form than its documentation says."""
    def ours(o, inputs, **masks):
        write("association", {"composed": True, **o}, inputs, **masks)
    for updates in (0, 2):
        ours({"heads": 2, "bias_pattern": True, "zero_association": updates == 2, "updates": updates, "eps": 1e-9},
             triple(), padding=hidden(B, M), association=half(B * 2, Q, M))
    ours({"heads": 2, "beta": [0.5, 3.0], "updates": 2, "eps": 1e-9}, triple())
    for name in ("static_stored", "static_source"):
        ours({"heads": 2, name: True, "normalise": False}, triple(**{name[7:]: 2}))
    for stop in ("state", "sample"):
        ours({"heads": 2, "stop": stop, "updates": 8, "eps": 0.05, "beta": 2.0}, triple(), padding=hidden(B, M))


def deviations():
    """The parts of hflayers whose code does not do what its documentation says; see docs/hopfield.md."""
    x = [half(B, M, D), half(B, Q, D), half(B, M, D)]
    m = hflayers.Hopfield(D, num_heads=2, concat_bias_pattern=True)
    before = m(tuple(x))
    with torch.no_grad():
        m.association_core.bias_k.fill_(9)
    assert m.get_association_matrix(tuple(x)).shape[-1] == M and torch.equal(before, m(tuple(x)))
    print("concat_bias_pattern: the bias pattern is not appended")
    m = hflayers.Hopfield(D, num_heads=2, stored_pattern_as_static=True, normalize_stored_pattern=False,
                          normalize_stored_pattern_affine=False, stored_pattern_size=2)
    x[0] = half(B, M, 2)
    alone = m.get_association_matrix(tuple(t[:1] for t in x))
    assert not torch.allclose(m.get_association_matrix(tuple(x))[:1], alone)
    print("static patterns with several heads: the samples of a batch are mixed up")
    m = hflayers.Hopfield(D, num_heads=2, scaling=torch.tensor([1.0, 0.0]))
    for p in m.parameters():
        randomise(p)
    a = m.get_association_matrix((half(B, M, D), half(B, Q, D), half(B, M, D)))
    assert not torch.allclose(a[:, 1], torch.full_like(a[:, 1], 1 / M))
    print("scaling as a tensor: entries belong to channels in turns, not to heads")
    assert m((x[1], x[1], x[1]), stored_pattern_padding_mask=torch.ones(B, Q, dtype=torch.bool)).isnan().all()
    print("everything masked: NaN")


if __name__ == "__main__":
    for family in (association, layers, beyond, deviations):
        family()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hopfield.safetensors"), arrays,
         {"made_with": "torch " + torch.__version__, "cases": json.dumps(cases)})
    print(len(cases), "cases,", len(arrays), "arrays")
