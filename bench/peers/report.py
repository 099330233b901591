"""From figures to docs/performance.md: what stands between the two marks is replaced, the rest is written by hand."""

import os
import platform
import statistics
from datetime import date
from pathlib import Path

BEGIN, END = "<!-- written by bench/peers/run.py: begin -->", "<!-- end -->"


def machine():
    info = Path("/proc/cpuinfo").read_text()
    field = lambda name: next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith(name)), "")
    flags = set(field("flags").split())
    told = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if flag in flags]
    return {
        "cpu": f"{field('model name')} (family {field('cpu family')}, model {field('model')}; {', '.join(told)})",
        "cores": os.cpu_count(), "kernel": platform.release(), "date": date.today().isoformat(),
    }


def median(row, what):
    return statistics.median(row[what])


def best(rows, what, *precisions):
    """The fastest peer of these precisions."""
    peers = [r for r in rows if not r["engine"].startswith("impasto") and r["engine"].split()[1] in precisions]
    return min(peers, key=lambda row: median(row, what), default=None)


def show(rows):
    """For the terminal."""
    lines = ["  engine               wall ms      cpu ms   first ms  peak MB    dB"]
    for row in rows:
        lines.append(f"  {row['engine']:20} {median(row, 'walls_ms'):8.1f} {median(row, 'cpus_ms'):11.1f} {row['first_ms']:10.0f} "
                     f"{row['peak_bytes'] / 1e6:8.0f} {row['psnr_db']:5.1f}   ({len(row['walls_ms'])} frames)")
    return "\n".join(lines)


def write(results, path):
    text = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{generated(results)}\n{END}{after}")


def generated(results):
    by_case = {}
    for row in results["rows"]:
        by_case.setdefault(row["case"], []).append(row)
    keys = sorted(by_case, key=order)
    versions = sorted({f"{r['engine'].split()[0]} {r['version']}" for r in results["rows"] if r["version"]})
    m = results["machine"]
    loads = [r["load"] for r in results["rows"]]
    parts = [
        f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; {', '.join(versions)}; {m['date']}. "
        f"Load of the machine meanwhile: {min(loads):.1f} to {max(loads):.1f} (1 is what one thread under test makes)."
        + ("" if "amx_bf16" in m["cpu"] else " It has no AMX tiles, so that our bf16 is `f32` here."),
        "### Ratios\n\nHow many times as long the fastest peer takes, by wall time (by processor time in brackets).\n",
        ratios(by_case, keys),
        "### Every figure\n\nMedians in ms: wall time / processor time of all threads. Frames: the fewest and most that a row of the case was timed for.\n",
        times(by_case, keys),
        "### First frame and memory\n\nFirst frame: from the model's file to the first picture, in ms. Peak: most resident memory of the process, in MB; "
        "for peers also what of it came after the runtime was loaded. 1 thread.\n",
        memory(by_case, keys),
        *two_threads(by_case, keys),
        "### The same picture\n\nPSNR of the 8-bit picture against ours in f32, in dB (99: equal), worst over the cases.\n",
        agreement(results["rows"]),
    ]
    return "\n\n".join(part.rstrip("\n") if not part.endswith(".\n") else part.rstrip() for part in parts)


def order(key):
    model, size, threads = key.split("/")
    return ["classic", "light", "student"].index(model), int(size.split("x")[0]), int(threads)


def name(key):
    model, size, threads = key.split("/")
    return f"{model} {size}, {threads} thread{'s' if threads != '1' else ''}"


def pick(rows, engine):
    return next((row for row in rows if row["engine"] == engine), None)


def ratio(rows, engine, *precisions):
    ours, wall, cpu = pick(rows, engine), best(rows, "walls_ms", *precisions), best(rows, "cpus_ms", *precisions)
    if not ours or not wall:
        return "–"
    by = lambda peer, what: median(peer, what) / median(ours, what)
    return f"**{by(wall, 'walls_ms'):.2f}** ({by(cpu, 'cpus_ms'):.2f}) {wall['engine'].split()[0]}"


def table(head, lines):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *lines])


def ratios(by_case, keys):
    lines = []
    for key in keys:
        rows = by_case[key]
        lines.append([name(key), ratio(rows, "impasto f32", "f32"), ratio(rows, "impasto f32 avx2", "f32"), ratio(rows, "impasto bf16", "bf16"),
                      ratio(rows, "impasto int8", "int8")])
    return table(["", "f32, to peers' f32", "f32 with AVX2 only, to peers' f32", "bf16, to peers' bf16", "int8, to peers' int8"], lines)


def times(by_case, keys):
    engines = list(dict.fromkeys(row["engine"] for key in keys for row in by_case[key]))
    lines = []
    for key in keys:
        cells = [name(key)]
        for engine in engines:
            row = pick(by_case[key], engine)
            cells.append(f"{median(row, 'walls_ms'):.1f} / {median(row, 'cpus_ms'):.1f}" if row else "")
        frames = [len(row["walls_ms"]) for row in by_case[key]]
        lines.append(cells + [f"{min(frames)} to {max(frames)}"])
    return table(["", *engines, "frames"], lines)


def memory(by_case, keys):
    engines = list(dict.fromkeys(row["engine"] for key in keys for row in by_case[key]))
    lines = []
    for key in (key for key in keys if key.endswith("/1")):
        cells = [name(key).split(",")[0]]
        for engine in engines:
            row = pick(by_case[key], engine)
            cells.append(footprint(row) if row else "")
        lines.append(cells)
    return table(["", *engines], lines)


def footprint(row):
    peak, grown = row["peak_bytes"] / 1e6, (row["peak_bytes"] - row["before_bytes"]) / 1e6
    grown = f" ({grown:.0f})" if row["before_bytes"] else ""
    return f"{row['first_ms']:.0f} ms, {peak:.0f}{grown} MB"


def two_threads(by_case, keys):
    if not any(key.endswith("/2") for key in keys):
        return []
    return ["### Two threads\n\nTime with 1 thread / time with 2, by wall time.\n", scaling(by_case, keys)]


def scaling(by_case, keys):
    engines = list(dict.fromkeys(row["engine"] for key in keys for row in by_case[key]))
    lines = []
    for key in (key for key in keys if key.endswith("/1")):
        two = by_case.get(key[:-1] + "2", [])
        pairs = [(pick(by_case[key], engine), pick(two, engine)) for engine in engines]
        lines.append([name(key).split(",")[0]] + [f"{median(a, 'walls_ms') / median(b, 'walls_ms'):.2f}" if a and b else "" for a, b in pairs])
    return table(["", *engines], lines)


def agreement(rows):
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    models = list(dict.fromkeys(row["case"].split("/")[0] for row in rows))
    worst = lambda engine, model: min((r["psnr_db"] for r in rows if r["engine"] == engine and r["case"].startswith(model)), default=None)
    cell = lambda value: "" if value is None else f"{value:.1f}"
    return table(["", *models], [[engine, *(cell(worst(engine, model)) for model in models)] for engine in engines])
