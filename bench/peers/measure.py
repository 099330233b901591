"""Times engines side by side: each in a process of its own, a frame of each in turn."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
# Threads of some runtimes spin for a while after a frame; the next engine starts when they have stopped.
PAUSE_SECS = 0.03


class Worker:
    """A process that paints a frame for each line."""

    def __init__(self, words, threads, env=None):
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | (env or {}), preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        # The processor time of another process, all its threads: CPUCLOCK_SCHED of its id (Linux).
        self.clock = (~self.process.pid << 3) | 2
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().strip()[-600:] or "the process ended")
        self.first = json.loads(line)
        self.walls_ms, self.cpus_ms = [], []

    def frame(self, keep=True):
        cpu, wall = time.clock_gettime(self.clock), time.perf_counter()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise RuntimeError(self.process.stderr.read().strip()[-600:] or "the process ended")
        wall, cpu = time.perf_counter() - wall, time.clock_gettime(self.clock) - cpu
        if keep:
            self.walls_ms.append(wall * 1e3)
            self.cpus_ms.append(cpu * 1e3)
        return wall

    def close(self):
        """Ends the process and gives the most memory that it held."""
        with open(f"/proc/{self.process.pid}/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
        self.process.stdin.close()
        self.process.wait(timeout=60)
        return peak


def start(shop, case, engine):
    name, precision, *isa = engine.split()
    if name == "impasto":
        words = [shop.impasto, "--quiet", "bench-row", "--paced", "--engine", "cpu", "--model", shop.model(case.model),
                 "--size", case.size, "--threads", case.threads, "--precision", precision]
        return Worker(words, case.threads, {"IMPASTO_ISA": isa[0]} if isa else None)
    model = shop.int8(case) if precision == "int8" else shop.onnx(case)
    picture = shop.picture(case.width, case.height).with_suffix(".npy")
    words = [sys.executable, HERE / "worker.py", name, precision, model, picture, shop.style(case), case.threads, first_picture(shop, engine)]
    return Worker(words, case.threads)


def first_picture(shop, engine):
    return shop.folder / f"first-{engine.replace(' ', '-')}.npy"


def measure(shop, case, seconds, most):
    """All engines of a case, in turn, for about so long; at least 3 frames of each, at most `most`."""
    workers, failed = {}, {}
    for engine in case.engines:
        try:
            workers[engine] = start(shop, case, engine)
        except (RuntimeError, subprocess.CalledProcessError) as e:
            failed[engine] = str(e)
            print(f"  {engine}: {e}", file=sys.stderr)
    [worker.frame(keep=False) for worker in workers.values()]
    started, rounds = time.perf_counter(), 0
    while rounds < 3 or (time.perf_counter() - started < seconds and rounds < most):
        for worker in workers.values():
            time.sleep(PAUSE_SECS)
            worker.frame()
        rounds += 1
    return [row(shop, case, engine, worker) for engine, worker in workers.items()], failed


def row(shop, case, engine, worker):
    return {
        "case": case.key, "engine": engine, "walls_ms": worker.walls_ms, "cpus_ms": worker.cpus_ms,
        "first_ms": worker.first["first_ms"], "version": worker.first.get("version"),
        "before_bytes": worker.first.get("before_bytes", 0), "peak_bytes": worker.close(),
        "load": os.getloadavg()[0],
    }


def agreement(shop, case, rows):
    """Adds to each row how near its picture is to ours in f32, by PSNR of 8-bit pictures in dB."""
    ours = shop.painted(case, "f32").astype(float)
    for found in rows:
        name, precision, *_ = found["engine"].split()
        if name == "impasto":
            theirs = ours if precision == "f32" else shop.painted(case, precision).astype(float)
        else:
            theirs = np.round(np.load(first_picture(shop, found["engine"]))[0].transpose(1, 2, 0).clip(0, 1) * 255)
        error = ((ours - theirs) ** 2).mean()
        found["psnr_db"] = 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
