#!/usr/bin/env python3
"""Impasto against ONNX Runtime, OpenVINO and PyTorch on this machine's processor: one command, which writes docs/performance.md.

    bench/peers/run.py                          everything, some ten minutes on two cores that do nothing else
    bench/peers/run.py --only light/1280x720    cases whose name contains this; others keep the figures they had
    bench/peers/run.py --list                   the cases

It installs the peers from PyPI into bench/peers/.venv (or the folder that IMPASTO_PEERS_VENV names), exports our weights as ONNX, checks that
all paint the same picture, and times them: each engine in a process of its own, pinned to as many processors as it has threads, a frame of each
in turn. Figures are kept in target/peers/results.json after each case, so a run that was stopped goes on with `--missing`.
The classic network needs its weights, `--data` or IMPASTO_SHARED: a folder with weights/ and reference/.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("IMPASTO_PEERS_VENV", ROOT / "bench/peers/.venv"))
LEAST_F32_DB = 45.0


def enter_venv():
    """Goes on in the peers' own Python, which is made where it is missing."""
    python = VENV / "bin/python"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        requirements = ROOT / "bench/peers/requirements.txt"
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(requirements)], check=True)
    os.execv(python, [str(python), *sys.argv])


def words():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the names of the cases to run, such as classic/512 or /1")
    parser.add_argument("--missing", action="store_true", help="run only cases without figures")
    parser.add_argument("--engines", default="", help="only engines whose names contain one of these, with commas")
    parser.add_argument("--seconds", type=float, default=10, help="how long each case is timed")
    parser.add_argument("--most", type=int, default=25, help="frames of each engine at most")
    parser.add_argument("--budget", type=float, default=float("inf"), help="start no case after so many seconds")
    parser.add_argument("--data", type=Path, default=os.environ.get("IMPASTO_SHARED"), help="folder with the classic network's weights")
    parser.add_argument("--impasto", type=Path, default=ROOT / "target/release/impasto")
    parser.add_argument("--list", action="store_true", help="print the cases")
    parser.add_argument("--no-report", action="store_true", help="leave docs/performance.md alone")
    return parser.parse_args()


def chosen(args, results):
    from dataclasses import replace

    from cases import matrix

    known = {row["case"] for row in results["rows"]}
    for case in matrix():
        if args.only not in case.key or (args.missing and case.key in known):
            continue
        parts = [part for part in args.engines.split(",") if part]
        engines = tuple(e for e in case.engines if not parts or any(part in e for part in parts))
        yield replace(case, engines=engines)


def compare(args, shop, case):
    from measure import agreement, measure

    rows, failed = measure(shop, case, args.seconds, args.most)
    agreement(shop, case, rows)
    for row in rows:
        if row["engine"].split()[1] == "f32" and row["psnr_db"] < LEAST_F32_DB:
            sys.exit(f"{case.key}: {row['engine']} paints something else ({row['psnr_db']:.1f} dB): nothing can be compared")
    return rows, failed


def main():
    args = words()
    enter_venv()
    from prepare import Workshop
    from report import machine, show, write

    kept = ROOT / "target/peers/results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {"rows": []}
    cases = list(chosen(args, results))
    if args.list:
        return print("\n".join(f"{case.key}: {', '.join(case.engines)}" for case in cases))
    shop = Workshop(ROOT / "target/peers", args.impasto, args.data)
    started = time.monotonic()
    for case in cases:
        if time.monotonic() - started > args.budget:
            print(f"{case.key}: no time left", file=sys.stderr)
            continue
        if shop.model(case.model) is None:
            print(f"skipped: {case.key}: its weights need --data", file=sys.stderr)
            continue
        rows, failed = compare(args, shop, case)
        replaced = {(row["case"], row["engine"]) for row in rows}
        results["rows"] = [r for r in results["rows"] if (r["case"], r["engine"]) not in replaced] + rows
        results["machine"] = machine()
        results.setdefault("failed", {})[case.key] = failed
        kept.write_text(json.dumps(results))
        print(f"{case.key} (after {time.monotonic() - started:.0f} s)")
        print(show(rows), flush=True)
    if not args.no_report:
        write(results, ROOT / "docs/performance.md")


if __name__ == "__main__":
    main()
