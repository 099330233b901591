#!/usr/bin/env python3
"""Kills a training run with SIGKILL again and again, resumes it each time, and compares it with one that was left alone.

    python bench/train/kill_and_resume.py target/release/impasto [--kills 3] [--svg docs/img/resume.svg] [--steps N] [more words of `impasto train light`]

Without other words the toy network is trained (--tiny). Exit code 1 unless every record and the last checkpoint are equal, bit for bit.
"""
import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time


def steps(run):
    found = {}
    for line in (run / "log.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["what"] == "steps":
            found[entry["step"]] = entry["report"]
    return found


def tensors(run):
    """The checkpoint's numbers, without its header, whose words have no fixed order."""
    data = (run / "checkpoint.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    part = lambda of: data[8 + size + of["data_offsets"][0] : 8 + size + of["data_offsets"][1]]
    return {name: part(of) for name, of in header.items() if name != "__metadata__"}, header["__metadata__"]["step"]


def killed(command, run, kills, rng):
    """Runs to the end, with this many kills at random moments after a checkpoint; gives the checkpoints gone on from."""
    resumed, going_on = [], False
    while True:
        words = ["--resume", str(run)] if going_on else ["-o", str(run)]
        process = subprocess.Popen([*(command[:3] if going_on else command), *words, "--save-every", "1", "--report-every", "20"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if len(resumed) == kills:
            assert process.wait() == 0
            return resumed
        checkpoint = run / "checkpoint.safetensors"
        before = checkpoint.stat().st_mtime if checkpoint.exists() else 0
        while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime > before):
            time.sleep(0.02)
        time.sleep(rng.uniform(2, 8))
        if process.poll() is not None:
            sys.exit("the run ended before it could be killed; take more --steps")
        process.send_signal(signal.SIGKILL)
        process.wait()
        resumed.append(int(tensors(run)[1]))
        going_on = True


def svg(curves, marks, path):
    width, height, last = 640, 240, max(curves[0][1])
    high = max(v for _, c in curves for v in c.values())
    x, y = (lambda s: 50 + (width - 60) * s / last), (lambda v: 10 + (height - 40) * (1 - v / high))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#fff"/>']
    for row, step in enumerate(marks):
        parts.append(f'<path d="M{x(step):.1f} 10V{height - 30}" stroke="#bbb" stroke-dasharray="3 3"/><text x="{x(step) + 3:.1f}" y="{20 + 14 * row}" fill="#777">killed; goes on from {step}</text>')
    for (name, curve), (colour, thick) in zip(curves, (("#2d6f8f", 5), ("#e0682f", 1.5))):
        d = "L".join(f"{x(s):.1f} {y(v):.1f}" for s, v in sorted(curve.items()))
        parts.append(f'<path d="M{d}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
    parts.append(f'<text x="50" y="{height - 10}">style loss over {last} steps; thick: left alone, thin: killed {len(marks)} times</text><text x="8" y="16">{high:.2f}</text><text x="8" y="{height - 28}">0</text></svg>')
    pathlib.Path(path).write_text("\n".join(parts) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("impasto")
    p.add_argument("--kills", type=int, default=3)
    p.add_argument("--svg")
    a, words = p.parse_known_args()
    words = words or ["--tiny", "--steps", "1200"]
    command = [a.impasto, "train", "light", *words]
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = pathlib.Path(folder, "whole"), pathlib.Path(folder, "cut")
        subprocess.run([*command, "-o", str(whole), "--report-every", "20"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        marks = killed(command, cut, a.kills, random.Random(1))
        one, two = steps(whole), steps(cut)
        # A record right after a resumption is a mean over fewer steps.
        shared = [s for s in one if s in two and not any(m < s <= m + 20 for m in marks)]
        same = all(one[s] == two[s] for s in shared)
        equal = tensors(whole)[0] == tensors(cut)[0]
        print(f"killed {len(marks)} times, gone on from steps {marks}; {len(shared)} records {'equal' if same else 'DIFFER'}; last checkpoint {'equal, bit for bit' if equal else 'DIFFERS'}")
        if a.svg:
            svg([(n, {s: r["style"] for s, r in c.items() if r["style"]}) for n, c in (("whole", one), ("cut", two))], marks, a.svg)
        sys.exit(0 if same and equal else 1)


if __name__ == "__main__":
    main()
