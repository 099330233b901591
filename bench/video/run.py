#!/usr/bin/env python3
"""Frames a second of each stage of `impasto video`, by the processor time of its threads (Linux).

    bench/video/run.py film.mp4 [--impasto target/release/impasto] [--ending mp4] [-- more words for `impasto video`]

Processor time does not mind what else the machine does; wall time does, and is printed with the load beside it.
"""
import argparse, os, re, subprocess, sys, tempfile, time
from pathlib import Path

# Names of threads, cut to 15 letters by the system; everything else paints.
STAGES = {"read": "read and decode", "convert": "to RGB", "convert back": "to YCbCr", "write": "encode and write"}


def threads(pid):
    """Processor seconds by thread: {(number, name): seconds}."""
    tick = os.sysconf("SC_CLK_TCK")
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            fields = (task / "stat").read_text()
        except OSError:
            continue  # It has just ended.
        name, rest = re.match(r"\d+ \((.*)\) (.*)", fields, re.S).groups()
        rest = rest.split()
        yield (task.name, name), (int(rest[11]) + int(rest[12])) / tick


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film")
    parser.add_argument("--impasto", default="target/release/impasto")
    parser.add_argument("--ending", default="mp4", help="what is written: mp4, gif, webp, y4m")
    parser.add_argument("words", nargs="*", help="more words, after --")
    args = parser.parse_args()
    words = args.words if "--style" in args.words else [*args.words, "--style", "starry-night"]
    with tempfile.TemporaryDirectory() as folder:
        command = [args.impasto, "video", args.film, "-o", f"{folder}/painted.{args.ending}", *words]
        start, seen, peak = time.time(), {}, 0
        run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        while run.poll() is None:
            try:
                seen.update(threads(run.pid))
                peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{run.pid}/status").read_text())[1])
            except (OSError, TypeError):
                pass  # It is about to end.
            time.sleep(0.02)
        said, wall = run.stderr.read(), time.time() - start
    frames = re.search(r"^(\d+) frames in", said, re.M)
    if run.returncode or not frames:
        sys.exit(said)
    frames = int(frames[1])
    seconds = dict.fromkeys([*STAGES.values(), "steady and paint"], 0.0)
    for (_, name), value in seen.items():
        seconds[STAGES.get(name, "steady and paint")] += value
    print(f"{frames} frames in {wall:.1f} s, load {os.getloadavg()[0]:.1f}, peak memory {peak / 1024:.0f} MiB\n")
    print("| stage | CPU ms a frame | frames a CPU second |\n|---|---|---|")
    for stage, value in [*seconds.items(), ("all", sum(seconds.values()))]:
        each = f"{frames / value:.0f}" if value > 0.02 else "-"
        print(f"| {stage} | {1000 * value / frames:.1f} | {each} |")


main()
