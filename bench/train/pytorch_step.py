#!/usr/bin/env python3
"""The light network's training step in PyTorch, over what `bench_step dump` wrote.

    python pytorch_step.py FOLDER SECONDS plain|tuned [--threads N] [--part I/N] [--device cuda]

The tables in model.safetensors are walked with autograd, so this is the same network, and the recipe is recipe.json: the same losses in the same
places. `plain` is f32 as one would write it, paintings looked at in every step. `tuned` is bf16 (autocast) and channels last, and keeps the
statistics of paintings, as ours does; on a card also TF32 and cuDNN's own search. --part takes one of N parts of each batch, for N processes that exchange nothing, which flatters PyTorch.
Prints one line of JSON.
"""
import argparse
import json
import pathlib
import struct
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

EPS = 1e-5
PAD = {"reflect": "reflect", "replicate": "replicate", "zero": "constant"}


def tables(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    return [json.loads(header["__metadata__"][name]) for name in ("painter", "encoder")]


def wide(v):
    return v[..., None, None]


def moments(x):
    var, mean = torch.var_mean(x.float(), (2, 3), correction=0)
    return mean, (var + EPS).sqrt()


def walk(table, weights, x, style=None):
    """Runs a table; `style` is [N, L]."""
    values, starts, at = [x], [], 0
    for site in table["sites"]:
        starts.append(at)
        at += 2 * site["channels"]
    for node in table["nodes"][1:]:
        op = node["op"]
        get = lambda key: values[node[key]]
        if op == "conv":
            y, name = get("input"), node["name"]
            if node["kernel"] == 3:
                y = F.pad(y, (1,) * 4, mode=PAD[node["padding"]])
            y = F.conv2d(y, weights[name + ".weight"], weights[name + ".bias"], node["stride"])
        elif op == "relu":
            y = F.relu(get("input"))
        elif op == "upsample2":
            y = F.interpolate(get("input"), scale_factor=2, mode="nearest")
        elif op == "add":
            y = get("a") + get("b")
        elif op == "concat":
            y = torch.cat([values[i] for i in node["inputs"]], 1)
        elif op == "scale":
            y = get("input") * node["mul"] + node["add"]
        elif op == "mean_std":
            y = wide(torch.cat(moments(get("input")), 1))
        elif op in ("ada_in", "modulate"):
            channels = table["sites"][node["site"]]["channels"]
            start = starts[node["site"]]
            first, second = style[:, start : start + channels], style[:, start + channels : start + 2 * channels]
            y = get("input")
            if op == "ada_in":
                mean, std = moments(y)
                gain = second / std
                first = first - mean * gain
                second = gain
            y = y * wide(second).to(y.dtype) + wide(first).to(y.dtype)
        else:
            raise SystemExit(f"no such layer here: {op}")
        values.append(y)
    return values[-1]


VGG = ["conv1_1", "conv1_2", "P", "conv2_1", "conv2_2", "P", "conv3_1", "conv3_2", "conv3_3", "conv3_4", "P", "conv4_1"]
LOOKS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")


def vgg(weights, x):
    looks = []
    for name in VGG:
        if name == "P":
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            continue
        x = F.relu(F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), weights[name + ".weight"], weights[name + ".bias"]))
        if name in LOOKS:
            looks.append(x)
    return looks


def ssim_loss(y, x):
    luma = lambda v: (v * torch.tensor([0.299, 0.587, 0.114], device=v.device)[None, :, None, None]).sum(1, keepdim=True)
    f = lambda v: F.avg_pool2d(v, 8, 2)
    p, q = luma(y), luma(x)
    a, b = f(p), f(q)
    va, vb, cov = f(p * p) - a * a, f(q * q) - b * b, f(p * q) - a * b
    return 1 - ((2 * a * b + 1e-4) * (2 * cov + 9e-4) / ((a * a + b * b + 1e-4) * (va + vb + 9e-4))).mean()


class Step:
    def __init__(self, folder, tuned, part, parts, device):
        self.device = torch.device(device)
        self.painter, self.encoder = tables(folder / "model.safetensors")
        self.recipe = json.loads((folder / "recipe.json").read_text())
        self.tuned, self.part, self.parts = tuned, part, parts
        last = (lambda v: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v) if tuned else (lambda v: v)
        self.last = last
        load = lambda name: load_file(folder / f"{name}.safetensors", device=str(self.device))
        self.weights = {k: last(v).requires_grad_() for k, v in load("model").items()}
        self.judge = {k: last(v) for k, v in load("vgg").items()}
        if tuned:
            self.judge = {k: v.bfloat16() for k, v in self.judge.items()}
        self.optimiser = torch.optim.Adam(self.weights.values(), lr=self.recipe["rate"], betas=(0.9, 0.99), foreach=tuned)
        raw, self.batches, self.known = load_file(folder / "batches.safetensors"), [], {}
        for b in range(1 + max(int(k.split("/")[0]) for k in raw)):
            self.batches.append({k: self.mine(raw[f"{b}/{k}"]) for k in ("content", "styles", "twin", "noise", "places")})

    def mine(self, v):
        n = len(v) // self.parts
        return self.last(v[self.part * n : (self.part + 1) * n])

    def looks(self, pictures):
        return vgg(self.judge, self.last(pictures.bfloat16() if self.tuned else pictures))

    def style(self, number, pictures):
        if self.tuned and number in self.known:
            return self.known[number]
        with torch.no_grad():
            self.known[number] = [moments(v) for v in self.looks(pictures)]
        return self.known[number]

    def step(self, number, rate=True):
        # The pictures come from the processor's memory in every step, as ours do.
        b, r = {k: v.to(self.device) for k, v in self.batches[number].items()}, self.recipe
        groups = len(b["content"])
        each = len(b["styles"]) // groups
        places = self.batches[number]["places"].int().tolist()
        view = lambda v, each: torch.stack(
            [v[i][:, y : y + s, x : x + s] for i in range(len(v)) for _, _, x, y, s in [places[i // each]]]
        )
        photos = b["content"].repeat_interleave(each, 0)
        with torch.no_grad():
            content = self.looks(view(b["content"], 1))[3].float()
        wanted = self.style(number, b["styles"])
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.tuned):
            code = walk(self.encoder, self.weights, b["styles"])[..., 0, 0].float()
            painted = walk(self.painter, self.weights, photos, code).float()
            twin = b["twin"] + r["noise_sigma"] * b["noise"]
            other = walk(self.painter, self.weights, twin, code[::each]).float()
            own = walk(self.encoder, self.weights, b["content"])[..., 0, 0].float()
            same = walk(self.painter, self.weights, b["content"], own).float()
        looks = self.looks(view(painted, each))
        losses = {"style": 0.0}
        for look, (mean, std) in zip(looks, wanted):
            m, s = moments(look)
            losses["style"] = losses["style"] + F.mse_loss(m, mean) + F.mse_loss(s, std)
        mean, std = wanted[3]
        m, s = moments(content)
        content = content.repeat_interleave(each, 0)
        gain = (std / s.repeat_interleave(each, 0)).clamp(max=r["gain_limit"])
        target = content * wide(gain) + wide(mean - m.repeat_interleave(each, 0) * gain)
        losses["content"] = F.mse_loss(looks[3].float(), target)
        losses["ssim"] = ssim_loss(painted, photos)
        losses["identity"] = (same - b["content"]).abs().mean()
        losses["noise"] = sum(self.overlap(painted[i * each], other[i], p) for i, p in enumerate(places)) / groups
        losses["range"] = (F.relu(painted - 1) ** 2 + F.relu(-painted) ** 2).mean()
        self.optimiser.zero_grad(set_to_none=True)
        sum(r[k] * v for k, v in losses.items()).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), r["clip"])
        if rate:
            self.optimiser.step()
        return {**{k: v.item() for k, v in losses.items()}, "gradient_norm": norm.item()}

    @staticmethod
    def overlap(a, b, place):
        dx, dy = place[:2]
        most = max(abs(dx), abs(dy))
        edge = 8 if most else 0
        side = a.shape[-1] - most - 2 * edge
        cut = lambda v, x, y: v[:, max(y, 0) + edge :, max(x, 0) + edge :][:, :side, :side]
        return (cut(a, dx, dy) - cut(b, -dx, -dy)).abs().mean()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("seconds", type=float)
    p.add_argument("kind", choices=["plain", "tuned"])
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--part", default="0/1")
    p.add_argument("--device", default="cpu")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    if a.kind == "tuned":
        torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    part, parts = map(int, a.part.split("/"))
    step = Step(a.folder, a.kind == "tuned", part, parts, a.device)
    first = step.step(0, rate=False)
    for number in range(len(step.batches)):
        step.step(number)
    start, busy, samples = time.perf_counter(), time.process_time(), 0
    busy_here = a.device == "cpu"
    while time.perf_counter() - start < a.seconds or (busy_here and time.process_time() - busy < a.seconds):
        for number, batch in enumerate(step.batches):
            step.step(number)
            samples += len(batch["styles"])
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    print(json.dumps({"samples": samples, "wall_secs": wall, "cpu_secs": cpu, "first": first}))


if __name__ == "__main__":
    main()
