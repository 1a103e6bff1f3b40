#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The main job on UCI HAR, ours and PyTorch's in one run on one machine: train har_teacher, distill har_student.

Both: official split, 4 training subjects held out, scaled channels, rotation and scaling, AdamW, one cycle to 4e-3, batch 64,
30 epochs of the teacher and 80 of the student. PyTorch runs its fastest form (Conv2d of height 1, channels last) with a
linear head and plain knowledge distillation (Hinton et al. 2015); ours runs the defaults of `har distill`, which
do more: stage and memory losses and the memory head.

    bench/peers/uci_har.py --har build/release/bin/har --data "DIR/UCI HAR Dataset" [--seed 0] [--threads 2]
        [--epochs 30 80] [--json FILE]
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch
from torch.nn import functional

from torch_models import Network


def read(folder, part):
    names = [f"{kind}_{axis}" for kind in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]
    x = numpy.stack([numpy.loadtxt(folder / part / "Inertial Signals" / f"{n}_{part}.txt", dtype=numpy.float32)
                     for n in names], axis=2)
    y = numpy.loadtxt(folder / part / f"y_{part}.txt", dtype=numpy.int64) - 1
    subject = numpy.loadtxt(folder / part / f"subject_{part}.txt", dtype=numpy.int64)
    return torch.from_numpy(x), torch.from_numpy(y), subject


def augment(x, generator):
    """Rotation by up to 20 degrees about a random axis and scaling N(1, 0.1) of each sensor triple, drawn per window."""
    B = x.shape[0]
    axis = functional.normalize(torch.randn(B, 3, generator=generator), dim=1)
    angle = (torch.rand(B, generator=generator) * 2 - 1) * numpy.deg2rad(20)
    zero = torch.zeros(B)
    a, b, c = axis.unbind(1)
    cross = torch.stack([zero, -c, b, c, zero, -a, -b, a, zero], 1).view(B, 3, 3)
    s, k = angle.sin().view(B, 1, 1), (1 - angle.cos()).view(B, 1, 1)
    rotation = torch.eye(3) + s * cross + k * cross @ cross
    triples = x.view(B, x.shape[1], 3, 3)
    turned = torch.einsum("bij,blsj->blsi", rotation, triples)
    return (turned * (1 + 0.1 * torch.randn(B, 1, 3, 1, generator=generator))).reshape(x.shape)


def macro_f1(y, guess, classes=6):
    scores = []  # only of the classes that occur
    for n in range(classes):
        right = ((y == n) & (guess == n)).sum().item()
        both = (y == n).sum().item() + (guess == n).sum().item()
        if both:
            scores.append(2 * right / both)
    return sum(scores) / len(scores)


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        guess = torch.cat([net(part).argmax(1) for part in x.split(256)])
    return macro_f1(y, guess)


def train(net, x, y, validation, mean, std, epochs, generator, teacher=None, temperature=3.0):
    """Seconds of training, including validation after each epoch as in ours."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-3)
    steps = (len(x) + 63) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps * epochs)
    begin = time.perf_counter()
    for _ in range(epochs):
        net.train()
        for index in torch.randperm(len(x), generator=generator).split(64):
            batch = (augment(x[index], generator) - mean) / std
            z = net(batch)
            loss = functional.cross_entropy(z, y[index])
            if teacher is not None:
                with torch.no_grad():
                    soft = functional.softmax(teacher(batch) / temperature, 1)
                loss = loss + temperature**2 * functional.kl_div(
                    functional.log_softmax(z / temperature, 1), soft, reduction="batchmean")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
            optimiser.step()
            schedule.step()
        evaluate(net, *validation)
    return time.perf_counter() - begin


def peer(folder, seed, preset, epochs):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    x, y, subject = read(folder, "train")
    x_test, y_test, _ = read(folder, "test")
    held = numpy.random.default_rng(seed).permutation(numpy.unique(subject))[:4]
    inside = torch.from_numpy(numpy.isin(subject, held))
    x_train, y_train = x[~inside], y[~inside]
    mean, std = x_train.mean((0, 1)), x_train.std((0, 1))
    validation = ((x[inside] - mean) / std, y[inside])
    test = ((x_test - mean) / std, y_test)
    out = {}
    teacher = Network("har_teacher")
    out["teacher_seconds"] = train(teacher, x_train, y_train, validation, mean, std, epochs[0], generator)
    out["teacher_macro_f1"] = evaluate(teacher, *test)
    student = Network(preset)
    out["student_seconds"] = train(student, x_train, y_train, validation, mean, std, epochs[1], generator, teacher)
    out["student_macro_f1"] = evaluate(student, *test)
    return out


def ours(har, folder, seed, preset, threads, epochs):
    with tempfile.TemporaryDirectory() as out:
        line = subprocess.run(
            [har, "distill", "--data", f"uci_har={folder}", "--preset", preset, "--seed", str(seed), "--threads",
             str(threads), "--teacher-epochs", str(epochs[0]), "--epochs", str(epochs[1]), "--out", out, "--quiet",
             "--json"], check=True, capture_output=True, text=True).stdout
    result = json.loads(line.splitlines()[-1])
    return {f"{name}_{key}": result[name][key] for name in ("teacher", "student") for key in ("seconds", "macro_f1")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--har", default="build/release/bin/har")
    parser.add_argument("--data", required=True, type=Path, help='the folder "UCI HAR Dataset"')
    parser.add_argument("--preset", default="har_student")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, nargs=2, default=(30, 80), metavar=("TEACHER", "STUDENT"))
    parser.add_argument("--json", type=Path)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    result = {"ours": ours(o.har, o.data, o.seed, o.preset, o.threads, o.epochs),
              "torch": peer(o.data, o.seed, o.preset, o.epochs),
              "torch_version": torch.__version__, "threads": o.threads, "seed": o.seed}
    print(f"{'':10s} {'ours':>10s} {'PyTorch':>10s} {'ratio':>8s}")
    for name in ("teacher", "student"):
        a, b = (result[who][f"{name}_seconds"] for who in ("ours", "torch"))
        print(f"{name + ' s':10s} {a:10.1f} {b:10.1f} {b / a:8.2f}")
        print(f"{name + ' F1':10s} " + " ".join(f"{result[who][f'{name}_macro_f1']:10.4f}" for who in ("ours", "torch")))
    if o.json:
        o.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
