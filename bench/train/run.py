#!/usr/bin/env python3
"""How fast are training steps, ours against PyTorch's? The same network, recipe and pictures; also tells whether the losses are the same.

    pip install torch safetensors numpy
    cargo build --release -p impasto-train --example bench_step
    python bench/train/run.py target/release/examples/bench_step [--seconds 4] [--rounds 3] [--cores 2]

Contenders take turns, and medians are told. `--cores 1` compares one thread each in samples per second of processor time, which is fair on a busy
machine; `--cores 2` (needs a quiet one) compares two: our two threads, plain PyTorch with two threads, tuned PyTorch as two processes with half of
each batch, which exchange nothing, in samples per second.
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


def contenders(step, folder, seconds, cores):
    torch = [sys.executable, str(HERE / "pytorch_step.py"), folder, str(seconds)]
    halves = [[*torch, "tuned", "--threads", "1", "--part", f"{i}/{cores}"] for i in range(cores)]
    return {
        "ours, bf16": [[step, "time", str(seconds), str(cores), "bf16"]],
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
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([a.step, "dump", folder], check=True)
        rows, losses = {}, {}
        for _ in range(a.rounds):
            for name, commands in contenders(a.step, folder, a.seconds, a.cores).items():
                wall, cpu, first = run(commands)
                rows.setdefault(name, []).append((wall, cpu))
                losses[name] = first
                print(f"{name}: {wall:.1f} samples/s, {cpu:.1f} a second of processor time", file=sys.stderr)
    print(f"{a.cores} core(s), load {os.getloadavg()[0]:.1f}; medians of {a.rounds} rounds of {a.seconds:g} s")
    print("| | samples/s | samples per processor second | ours against it |\n|---|---|---|---|")
    column = 0 if a.cores > 1 else 1
    middle = {name: [statistics.median(r[i] for r in of) for i in (0, 1)] for name, of in rows.items()}
    ours = middle["ours, bf16"][column]
    for name, (wall, cpu) in middle.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {ours / (wall, cpu)[column]:.2f} |")
    print("\nLosses of the first batch, as a check that it is the same step" + (":" if a.cores == 1 else " (tuned PyTorch: its half of the batch):"))
    for name, first in losses.items():
        print(f"  {name}: " + ", ".join(f"{k} {first[k]:.4f}" for k in ("content", "style", "ssim", "identity", "noise", "gradient_norm")))


if __name__ == "__main__":
    main()
