#!/usr/bin/env python3
"""Impasto's GPU engine against PyTorch on the same card: frames a second, p50 and p95, from bytes to bytes.

    cargo build --release --locked -p impasto-cli --features gpu
    bench/gpu/compare.py [--model light --model classic.safetensors] [--size 1280x720]... [--adapter NAME]

Both sides get 8-bit frames in the processor's memory and give such: transfers are counted. PyTorch runs channels last, in half precision
and compiled, and without these. Needs torch with CUDA (or ROCm), onnx and numpy; with --device cpu it only shows that the script works.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))
from torch_graph import Graph  # noqa: E402

# The compiler's warnings would bury the table.
logging.disable(logging.WARNING)
SIZES = ["512x512", "1280x720", "1920x1080"]


def main():
    args = arguments()
    print(f"PyTorch {torch.__version__} on {card(args.device)}")
    print("model            size       engine                                   p50 ms   p95 ms  frames/s")
    for model in args.model or ["light"]:
        for size in args.size or SIZES:
            for engine, times in rows(args, model, size):
                p50, p95 = np.percentile(times, [50, 95])
                print(f"{Path(model).stem:16} {size:10} {engine:40} {p50:7.2f}  {p95:7.2f}  {1000 / p50:8.1f}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impasto", type=Path, default=HERE.parents[1] / "target/release/impasto")
    parser.add_argument("--model", action="append", help="light, or a model file; light by default")
    parser.add_argument("--size", action="append", help=f"WxH; {' '.join(SIZES)} by default")
    parser.add_argument("--adapter", help="a part of the GPU's name, as `impasto doctor` lists it")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=5)
    return parser.parse_args()


def card(device):
    return torch.cuda.get_device_name() if device == "cuda" else "the processor"


def rows(args, model, size):
    for words in ([], ["--precision", "bf16"]):
        yield paced(args, model, size, words)
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        subprocess.run([args.impasto, "--quiet", "export", "--target", "onnx", "--model", model, "--size", size, "-o", onnx],
                       check=True, stdout=subprocess.DEVNULL)
        style = next(sides(i) for i in inputs(onnx) if i.name == "style")
        for kind in (torch.float32, torch.float16):
            for compiled in (False, True):
                name = f"pytorch {str(kind)[6:]}{', compiled' if compiled else ''}"
                yield name, list(torch_times(args, onnx, size, style, kind, compiled))


def inputs(path):
    import onnx

    return onnx.load(path).graph.input


def sides(value):
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def paced(args, model, size, words):
    """Our row, in a process of its own: a frame for each line that it gets."""
    adapter = ["--adapter", args.adapter] if args.adapter else []
    command = [args.impasto, "--quiet", "bench-row", "--paced", "--engine", "gpu", "--model", model, "--size", size, *adapter, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        first = json.loads(child.stdout.readline())

        def frame():
            child.stdin.write("\n")
            child.stdin.flush()
            return float(child.stdout.readline())

        times = timed(args.seconds, frame)
        child.stdin.close()
    kind = "float16" if words else "float32"
    return f"impasto {kind} on {first['engine'].split('(', 1)[-1]}"[:40], times


def timed(seconds, frame):
    frame()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        times.append(frame())
    return times


def torch_times(args, onnx, size, style, kind, compiled):
    width, height = map(int, size.split("x"))
    device = torch.device(args.device)
    graph = Graph(str(onnx)).to(device, kind).to(memory_format=torch.channels_last).eval()
    style = torch.rand(style, device=device).to(kind) + 0.5

    def paint(frame):
        image = frame.to(device, non_blocking=True).permute(2, 0, 1)[None].to(kind).contiguous(memory_format=torch.channels_last)
        made = graph(image / 255, style)
        return (made.clamp(0, 1) * 255 + 0.5).to(torch.uint8)[0].permute(1, 2, 0).contiguous()

    run = torch.compile(paint) if compiled else paint
    frame = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
    frame = frame.pin_memory() if device.type == "cuda" else frame

    def once():
        started = time.perf_counter()
        with torch.inference_mode():
            run(frame).cpu()
        return (time.perf_counter() - started) * 1e3

    for _ in range(5):
        once()
    return timed(args.seconds, once)


main()
