#!/usr/bin/env python3
"""How fast are training steps, ours against PyTorch's? The same network, recipe and pictures; also tells whether the losses are the same.

    pip install torch safetensors numpy
    cargo build --release -p impasto-train --example bench_step
    python bench/train/run.py target/release/examples/bench_step [--seconds 4] [--rounds 3] [--cores 2]

Contenders take turns, and medians are told. `--cores 1` compares one thread each in samples per second of processor time, which is fair on a busy
machine; `--cores 2` (needs a quiet one) compares two: our two threads, plain PyTorch with two threads, tuned PyTorch as two processes with half of
each batch, which exchange nothing, in samples per second.

On a GPU (`--device cpu` and lavapipe only show that it works):

    cargo build --release --locked -p impasto-train --features gpu --example bench_step
    python bench/train/run.py target/release/examples/bench_step --device cuda --px 256 --groups 16 --seconds 20

compares our learner on the GPU that `IMPASTO_ADAPTER` names, or else the likely fastest, with PyTorch on its own device, plain in f32 and tuned, in
samples per second, with crops of 256 px and 16 photos in two styles each a step. The wall counts: the way of pictures to the card, and of losses back, is in it.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
# Our faster kernels: bf16 on matrix tiles where the processor has them.
CPUINFO = pathlib.Path("/proc/cpuinfo")
OURS = "ours, bf16" if CPUINFO.exists() and "amx_bf16" in CPUINFO.read_text() else "ours, f32"


def on_gpu(step, folder, seconds, a):
    torch = [sys.executable, str(HERE / "pytorch_step.py"), folder, str(seconds)]
    return {
        "ours, GPU": [[step, "time", str(seconds), "1", "gpu", *side(a)]],
        "PyTorch, tuned": [[*torch, "tuned", "--device", a.device]],
        "PyTorch, plain": [[*torch, "plain", "--device", a.device]],
    }


def side(a):
    return [str(a.px), *([str(a.groups)] if a.groups else [])] if a.px else []


def contenders(step, folder, seconds, a):
    if a.device:
        return on_gpu(step, folder, seconds, a)
    cores = a.cores
    torch = [sys.executable, str(HERE / "pytorch_step.py"), folder, str(seconds)]
    halves = [[*torch, "tuned", "--threads", "1", "--part", f"{i}/{cores}"] for i in range(cores)]
    return {
        OURS: [[step, "time", str(seconds), str(cores), OURS.split()[-1], *side(a)]],
        "PyTorch, tuned": halves,
        "PyTorch, plain": [[*torch, "plain", "--threads", str(cores)]],
    }


def run(commands):
    """All at once; gives samples a second of wall time, samples a second of processor time, and the first one's losses."""
    started = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    told = [json.loads(p.communicate()[0]) for p in started]
    rate = lambda of: sum(t["samples"] for t in told) / (sum(t[of] for t in told) / (len(told) if of == "wall_secs" else 1))
    return rate("wall_secs"), rate("cpu_secs"), told[0]["first"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("step")
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--cores", type=int, default=2)
    p.add_argument("--device", help="cuda: PyTorch's device; ours is then the learner on the GPU")
    p.add_argument("--px", type=int, help="side of all crops; those of the shipped recipe without it")
    p.add_argument("--groups", type=int, help="photos a step, with --px; those of the shipped recipe without it")
    a = p.parse_args()
    if a.groups and not a.px:
        p.error("--groups needs --px")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([a.step, "dump", folder, *side(a)], check=True)
        rows, losses = {}, {}
        for _ in range(a.rounds):
            for name, commands in contenders(a.step, folder, a.seconds, a).items():
                wall, cpu, first = run(commands)
                rows.setdefault(name, []).append((wall, cpu))
                losses[name] = first
                print(f"{name}: {wall:.1f} samples/s, {cpu:.1f} a second of processor time", file=sys.stderr)
    where = f"device {a.device}" if a.device else f"{a.cores} core(s)"
    print(f"{where}, load {os.getloadavg()[0]:.1f}; medians of {a.rounds} rounds of {a.seconds:g} s")
    print("| | samples/s | samples per processor second | ours against it |\n|---|---|---|---|")
    column = 0 if a.device or a.cores > 1 else 1
    middle = {name: [statistics.median(r[i] for r in of) for i in (0, 1)] for name, of in rows.items()}
    ours = next(of for name, of in middle.items() if name.startswith("ours"))[column]
    for name, (wall, cpu) in middle.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {ours / (wall, cpu)[column]:.2f} |")
    print("\nLosses of the first batch, as a check that it is the same step" + (":" if a.device or a.cores == 1 else " (tuned PyTorch: its half of the batch):"))
    for name, first in losses.items():
        print(f"  {name}: " + ", ".join(f"{k} {first[k]:.4f}" for k in ("content", "style", "ssim", "identity", "noise", "gradient_norm")))


if __name__ == "__main__":
    main()
