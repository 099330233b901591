#!/usr/bin/env python3
"""Paints a film in parts on a Ray cluster, or with several workers on this machine, and joins them.

    python3 farm/ray/paint.py film.mp4 painted.mp4 --parts 8 -- --style waves

The words after `--` go to `impasto video`. The film and the folder of parts must be seen by all machines under one path.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import ray


def arguments():
    parser = argparse.ArgumentParser(
        usage="%(prog)s FILM OUTPUT [options] -- WORDS",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="where parts lie until they are joined (OUTPUT.parts)")
    parser.add_argument("--address", help="a running cluster, such as auto; without it, workers on this machine")
    parser.add_argument("--workers", type=int, default=2, help="on this machine (2)")
    parser.add_argument("--cpus", type=float, default=1, help="processors that a part asks of the cluster (1)")
    parser.add_argument("--impasto", default="impasto", help="the program")
    # argparse gives words after -- to no argument once an option stands between it and the first ones.
    typed = sys.argv[1:]
    end = typed.index("--") if "--" in typed else len(typed)
    args = parser.parse_args(typed[:end])
    args.words = typed[end + 1 :]
    return args


def paint(impasto, film, part, k, parts, words):
    """One part; what an earlier try began is taken up. An exception makes Ray try again."""
    if Path(part).exists():
        return k, "painted before"
    command = [impasto, "video", film, "--part", f"{k}/{parts}", "-o", part, "--resume", *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"part {k}: exit {done.returncode}: {done.stderr[-2000:]}")
    return k, done.stderr.strip().splitlines()[-1]


def main():
    args = arguments()
    film, output = args.film.resolve(), args.output.resolve()
    folder = (args.folder or output.with_name(output.name + ".parts")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if args.address:
        ray.init(address=args.address)
    else:
        ray.init(num_cpus=args.workers, include_dashboard=False)
    task = ray.remote(num_cpus=args.cpus, max_retries=3, retry_exceptions=True)(paint)
    paths = [str(folder / f"part-{k}.mp4") for k in range(1, args.parts + 1)]
    waiting = [
        task.remote(args.impasto, str(film), path, k, args.parts, args.words) for k, path in enumerate(paths, 1)
    ]
    done = 0
    while waiting:
        ready, waiting = ray.wait(waiting)
        k, said = ray.get(ready[0])
        done += 1
        print(f"{done} of {args.parts} parts: part {k}: {said}", flush=True)
    joined = [args.impasto, "video", "join", *paths, "--film", str(film), "-o", str(output)]
    return subprocess.run(joined).returncode


if __name__ == "__main__":
    sys.exit(main())
