#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""PyTorch as a worker of bench/peers; the protocol is that of worker.hpp.

    torch_worker.py serve FOLDER THREADS
    torch_worker.py export FOLDER MODEL LAYOUT BATCH…    MODEL.LAYOUT.bBATCH.onnx for ONNX Runtime, .shape and .f32: its input
    torch_worker.py save FOLDER MODEL             MODEL.pt, frozen TorchScript
    torch_worker.py cold MODEL.pt                 loads it, reads windows from its input, prints the class of each
    torch_worker.py version

Forms are written KIND-LAYOUT. Kinds: eager, and for inference frozen (TorchScript with batch-norm folded). Layouts: conv1d,
conv2d (height 1), channels_last (conv2d in channels-last memory), the last two also of images; batch_first and time_first
of recurrent networks; linear. The input is in the layout that the form wants. Left out, as measured with 1.13: TorchScript in training,
which is slower, and torch.jit.optimize_for_inference, which is slower except at batch 1 and whose Conv2d logits are off
by 1e-3 of the largest.
"""
import statistics
import sys
import time
import warnings
from array import array

import torch
from torch.nn import functional

import torch_models

sizes = {"mobilenet_v3_small_32x32": (32 * 32, 3, 10), "mobilenet_v3_small_96x96": (96 * 96, 3, 10), "mlp": (1, 64, 10)}
temperature, hard, soft = 4.0, 0.1, 0.9  # of distillation, as in loss::baseline::hinton


def read(path, kind):
    values = array(kind)
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return torch.tensor(values)


class Setting:
    def __init__(self, folder):
        self.folder = folder
        self.values = read(f"{folder}/inputs.f32", "f")
        self.labels = read(f"{folder}/labels.i32", "i").long()

    def inputs(self, model, layout, batch):
        length, channels, _ = size(model)
        x = self.values[:batch * length * channels].clone().reshape(batch, length, channels)
        if is_image(model):
            side = round(length**0.5)
            x = x.reshape(batch, side, side, channels).permute(0, 3, 1, 2)  # a view of channels-last memory
            return x.contiguous() if layout == "conv2d" else x
        if layout == "time_first":
            return x.transpose(0, 1).contiguous()
        return x.reshape(batch, channels) if layout == "linear" else x

    def network(self, model, layout, dropout=0.2):
        length, channels, classes = size(model)
        if model == "gru_64":
            net = torch_models.recurrent(layout == "batch_first")
        elif model == "mlp":
            net = torch_models.perceptron()
        else:
            preset, images = model.rsplit("_", 1)[0] if is_image(model) else model, is_image(model)
            net = torch_models.Network(preset, channels, classes, 1 if layout == "conv1d" else 2, dropout, images)
        if layout == "conv2d":
            net.to(memory_format=torch.contiguous_format)
        return torch_models.load(net, f"{self.folder}/{model}.safetensors")


def size(model):
    """Length, channels and classes."""
    return sizes.get(model, (128, 9, 6))


def is_image(model):
    return model.endswith(("_32x32", "_96x96"))


def frozen(net, x):
    """The network for inference in TorchScript, with batch-norm folded."""
    net.eval()
    with torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(net, x))
        for _ in range(5):  # the executor specialises during the first runs
            traced(x)
    return traced


def inference(setting, kind, layout, model, batch):
    net = setting.network(model, layout).eval()
    x = setting.inputs(model, layout, batch)
    if kind != "eager":
        net = frozen(net, x)

    def run():
        with torch.inference_mode():
            return net(x)

    return run, lambda: run().flatten().tolist()


def clip(parameters, largest):
    """torch.nn.utils.clip_grad_norm_ in fewer calls."""
    gradients = [p.grad for p in parameters]
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    torch._foreach_mul_(gradients, float(torch.clamp(largest / (norm + 1e-6), max=1)))


def training(setting, layout, model, batch, teacher=None, dropout=0.2):
    """A step like that of the library: forward, loss, backward, clipping, AdamW; returns the loss."""
    net = setting.network(model, layout, dropout).train()
    parameters = list(net.parameters())
    groups = [{"params": [p for p in parameters if p.dim() > 1]},
              {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=4e-3, weight_decay=1e-3, foreach=True)
    x, labels = setting.inputs(model, layout, batch), setting.labels[:batch].clone()

    def step():
        optimiser.zero_grad(set_to_none=True)
        z = net(x)
        loss = functional.cross_entropy(z, labels)
        if teacher is not None:
            with torch.inference_mode():
                target = functional.softmax(teacher(x) / temperature, 1)
            target = target.clone()  # an inference tensor may not enter the recorded graph
            loss = hard * loss + soft * temperature**2 * functional.kl_div(
                functional.log_softmax(z / temperature, 1), target, reduction="batchmean")
        loss.backward()
        clip(parameters, 5.0)
        optimiser.step()
        return loss

    return step


def make_job(setting, form, model, task, batch):
    """Returns a function to time and a function whose numbers are compared."""
    kind, layout = form.split("-")
    if task == "inference":
        return inference(setting, kind, layout, model, batch)
    teacher = None
    if task == "distill":  # the teacher only infers, in the fastest form for inference
        teacher = frozen(setting.network("har_teacher", "conv2d").eval(), setting.inputs("har_teacher", "conv2d", batch))

    def losses():
        step = training(setting, layout, model, batch, teacher, dropout=0.0)
        return [step().item() for _ in range(3)]

    return training(setting, layout, model, batch, teacher), losses


def median_nanoseconds(run, seconds):
    run()
    times = []
    end = time.perf_counter_ns() + seconds * 1e9
    while not times or time.perf_counter_ns() < end:
        before = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - before)
    return statistics.median(times)


def serve(folder, threads):
    torch.set_num_threads(threads)
    setting = Setting(folder)
    jobs, present = {}, None  # the jobs of one case, by form
    for line in sys.stdin:
        what, form, model, task, batch, *seconds = line.split()
        try:
            if present != (model, task, batch):
                jobs, present = {}, (model, task, batch)
            if form not in jobs:
                torch.manual_seed(0)
                jobs[form] = make_job(setting, form, model, task, int(batch))
            run, outputs = jobs[form]
            print(median_nanoseconds(run, float(seconds[0])) if what == "time" else
                  " ".join(f"{v:.9g}" for v in outputs()), flush=True)
        except Exception as e:  # noqa: BLE001 - the driver decides what an error means
            print("error", " ".join(str(e).split())[:300], flush=True)


def export(folder, model, layout, batches):
    setting = Setting(folder)
    net = setting.network(model, layout).eval()
    for batch in batches:
        x, path = setting.inputs(model, layout, batch).contiguous(), f"{folder}/{model}.{layout}.b{batch}"
        torch.onnx.export(net, x, f"{path}.onnx", opset_version=14, input_names=["x"], output_names=["logits"])
        with open(f"{path}.shape", "w", encoding="ascii") as file:
            print(*x.shape, file=file)
        with open(f"{path}.f32", "wb") as file:
            x.numpy().tofile(file)


def save(folder, model):
    setting = Setting(folder)
    frozen(setting.network(model, "conv2d"), setting.inputs(model, "conv2d", 1)).save(f"{folder}/{model}.pt")


def cold(path):
    torch.set_num_threads(1)
    net = torch.jit.load(path)
    length, channels, _ = size("")
    while len(data := sys.stdin.buffer.read(4 * length * channels)) == 4 * length * channels:
        with torch.inference_mode():
            x = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(1, length, channels)
            print(net(x).argmax().item(), flush=True)


def main():
    warnings.filterwarnings("ignore")
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    elif what == "export":
        export(*sys.argv[2:5], [int(b) for b in sys.argv[5:]])
    elif what == "save":
        save(sys.argv[2], sys.argv[3])
    elif what == "cold":
        cold(sys.argv[2])
    elif what == "version":
        print(torch.__version__)
    else:
        sys.exit("usage: torch_worker.py serve FOLDER THREADS | export FOLDER MODEL LAYOUT BATCH… | save FOLDER MODEL | cold FILE | version")


if __name__ == "__main__":
    main()
