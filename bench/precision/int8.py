#!/usr/bin/env python3
"""Could the light network be painted in eight bits? Quantises it by ONNX Runtime's own tool, and compares pictures with those in f32 by SSIM of luma.

    bench/peers/.venv/bin/python bench/precision/int8.py DATA -o FOLDER          after bench/peers/run.py made that environment

DATA holds eval/content and eval/style: photos, brought to 512x288, and paintings, to 256x256. Weights are quantised with a scale for each output channel, the
layers at both ends stay in f32; ranges of activations are taken over every third photo in every third painting's style, in the three ways
that the tool knows. The pictures judged are all others. Writes the worst pair of the best way side by side.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "peers")]
SIZE = (512, 288)


def planes(path, size):
    picture = Image.open(path).convert("RGB").resize(size, Image.LANCZOS)
    return np.asarray(picture, np.float32).transpose(2, 0, 1)[None] / 255


def quantise(model, out, pairs, method):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Pairs(CalibrationDataReader):
        left = iter(pairs)

        def get_next(self):
            return next(self.left, None)

    convolutions = [n.name for n in onnx.load(model).graph.node if n.op_type == "Conv"]
    quantize_static(str(model), str(out), Pairs(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Pad", "Resize"], calibrate_method=CalibrationMethod[method],
                    nodes_to_exclude=[convolutions[0], convolutions[-1]])


def session(path):
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def to_bytes(picture):
    return np.round(picture[0].transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8)


def main():
    from run import psnr_db, ssim

    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("-o", "--output", type=Path, required=True)
    words.add_argument("--impasto", type=Path, default="target/release/impasto")
    args = words.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    from prepare import Workshop

    size = "x".join(map(str, SIZE))
    model = args.output / f"light-{size}.onnx"
    Workshop(args.output, args.impasto, args.data).run("export", "--target", "onnx", "--model", "light", "--size", size, "-o", model)
    encoder = session(model.with_suffix(".encoder.onnx"))
    style = lambda path: encoder.run(None, {"image": planes(path, (256, 256))})[0]
    photos = [planes(path, SIZE) for path in sorted((args.data / "eval/content").glob("*.jpg"))]
    styles = [style(path) for path in sorted((args.data / "eval/style").glob("*.jpg"))]
    pairs = [[{"image": photo, "style": style} for photo in photos[i::3] for style in styles[i::3]] for i in range(2)]
    exact = [to_bytes(session(model).run(None, pair)[0]) for pair in pairs[1]]
    kept = []
    for method in ("MinMax", "Entropy", "Percentile"):
        quantise(model, args.output / "int8.onnx", pairs[0], method)
        eight = session(args.output / "int8.onnx")
        found = [(a, to_bytes(eight.run(None, pair)[0])) for a, pair in zip(exact, pairs[1])]
        values, db = [ssim(a, b) for a, b in found], [psnr_db(a, b) for a, b in found]
        print(f"{method}: {len(found)} pictures; SSIM least {min(values):.4f}, mean {np.mean(values):.4f}; "
              f"PSNR least {min(db):.1f} dB, mean {np.mean(db):.1f} dB", flush=True)
        kept.append((np.mean(values), np.concatenate(found[int(np.argmin(values))], 1)))
    Image.fromarray(max(kept, key=lambda k: k[0])[1]).save(args.output / "int8.png")


if __name__ == "__main__":
    main()
