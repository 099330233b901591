#!/usr/bin/env python3
"""Can lower precision be seen? Compares pictures painted in it with those in f32: SSIM of luma and PSNR, and a sheet of the
worst; and how much the picture flickers when a photo is painted again with the noise of a camera (deviation 0.012 of full scale).

    bench/precision/run.py DATA -o FOLDER [--precision bf16|int8] [--model light|FILE]... [--style S]...

DATA holds eval/content, whose photos are all painted, 512 px high or wide at least. Python needs numpy and pillow.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

STYLES = ["starry-night", "mosaic", "woodcut", "waves", "tableau", "etching", "kiss", "water-lilies"]


def luma(picture):
    return picture.astype(float) @ [0.299, 0.587, 0.114]


def blur(x):
    """11 taps of a Gaussian of deviation 1.5, as the SSIM paper has it."""
    taps = np.exp(-np.arange(-5, 6) ** 2 / 4.5)
    taps /= taps.sum()
    x = sum(t * x[i:x.shape[0] - 10 + i] for i, t in enumerate(taps))
    return sum(t * x[:, i:x.shape[1] - 10 + i] for i, t in enumerate(taps))


def ssim(a, b):
    """Wang and others 2004, of luma in 0..255."""
    a, b = luma(a), luma(b)
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()


def psnr_db(a, b):
    error = ((a.astype(float) - b.astype(float)) ** 2).mean()
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("-o", "--output", type=Path, required=True)
    words.add_argument("--precision", default="bf16", choices=["bf16", "int8"])
    words.add_argument("--model", action="append")
    words.add_argument("--style", action="append")
    words.add_argument("--impasto", default="target/release/impasto")
    args = words.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for model in args.model or ["light"]:
        found, flicker = [], []
        for style in args.style or STYLES:
            with tempfile.TemporaryDirectory() as folder:
                # As PNG, so that results are PNG too: JPEG would add differences of its own.
                photos = []
                for i, path in enumerate(sorted((args.data / "eval/content").glob("*.jpg"))):
                    picture = np.asarray(Image.open(path).convert("RGB"))
                    noise = np.random.default_rng(i).normal(0, 0.012 * 255, picture.shape)
                    for name, values in ((path.stem, picture), (f"{path.stem}~noisy", (picture + noise).round().clip(0, 255).astype(np.uint8))):
                        photos.append(Path(folder, f"{name}.png"))
                        Image.fromarray(values).save(photos[-1], compress_level=1)
                for precision in ("f32", args.precision):
                    subprocess.run([args.impasto, "--quiet", "stylize", *photos, "--style", style, "--size", "512", "--model", model,
                                    "--precision", precision, "-o", f"{folder}/{precision}"], check=True, stdout=subprocess.DEVNULL)
                for exact in sorted(path for path in Path(folder, "f32").iterdir() if "~noisy" not in path.name):
                    paths = (exact, Path(folder, args.precision, exact.name))
                    a, b = (np.asarray(Image.open(path).convert("RGB")) for path in paths)
                    noisy = (path.with_name(exact.name.replace(f"-{style}", f"~noisy-{style}")) for path in paths)
                    flicker.append([np.abs(x.astype(float) - np.asarray(Image.open(path).convert("RGB"))).mean() for x, path in zip((a, b), noisy)])
                    most = int(np.abs(a.astype(int) - b.astype(int)).max())
                    found.append((ssim(a, b), psnr_db(a, b), most, f"{exact.stem} in {style}", a, b))
        found.sort(key=lambda pair: pair[0])
        values, db = [f[0] for f in found], [f[1] for f in found]
        print(f"{model} in {args.precision}: {len(found)} pictures; SSIM least {values[0]:.4f}, mean {np.mean(values):.4f}; "
              f"PSNR least {min(db):.1f} dB, mean {np.mean(db):.1f} dB; most that a byte differs {max(f[2] for f in found)}; worst: {found[0][3]}; "
              f"flicker in mean {np.mean(flicker, 0)[1]:.3f} levels, {np.mean(flicker, 0)[0]:.3f} in f32")
        sheet = np.concatenate([np.concatenate([a, b, (np.abs(a.astype(int) - b) * 16).clip(0, 255).astype(np.uint8)], 1)
                                for _, _, _, _, a, b in found[:1]])
        Image.fromarray(sheet).save(args.output / f"{Path(model).stem}-{args.precision}.png")


if __name__ == "__main__":
    main()
