"""Does the classic model paint what PyTorch paints? Prints the PSNR of the 8-bit pictures at even and odd sizes.

    python3 -m venv v && v/bin/pip install torch numpy pillow safetensors
    v/bin/python bench/parity/run.py DATA [--impasto target/release/impasto]

DATA holds weights/vgg19_normalised_relu4_1.safetensors, reference/adain_official_decoder_fp16.safetensors and eval/.
Exit code 1 where any size falls below 45 dB. The PyTorch network here follows the paper (Huang and Belongie 2017): reflected borders,
max pool with ceil, unbiased variance plus 1e-5 on both sides; its output is cropped to the photo's size.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

SIZES = [(256, 256), (301, 203), (97, 130), (65, 33), (16, 16)]
LEAST_DB = 45.0
ENCODER = ["conv1_1", "conv1_2", "P", "conv2_1", "conv2_2", "P", "conv3_1", "conv3_2", "conv3_3", "conv3_4", "P", "conv4_1"]
DECODER = ["dec0", "U", "dec1", "dec2", "dec3", "dec4", "U", "dec5", "dec6", "U", "dec7"]


def conv(x, weights, name, pad=1):
    x = F.pad(x, (pad,) * 4, mode="reflect") if pad else x
    return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def walk(x, weights, layers):
    for layer in layers:
        if layer == "P":
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        elif layer == "U":
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        else:
            x = F.relu(conv(x, weights, layer))
    return x


def statistics(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def paint(weights, content, style):
    features = [walk(conv(x, weights, "conv0", 0), weights, ENCODER) for x in (content, style)]
    (mean, std), (style_mean, style_std) = map(statistics, features)
    adain = (features[0] - mean) / std * style_std + style_mean
    return conv(walk(adain, weights, DECODER), weights, "dec8")


def tensor(path):
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def psnr_db(a, b):
    error = ((a.astype(float) - b.astype(float)) ** 2).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=pathlib.Path)
    words.add_argument("--impasto", default="target/release/impasto")
    args = words.parse_args()
    vgg = args.data / "weights/vgg19_normalised_relu4_1.safetensors"
    decoder = args.data / "reference/adain_official_decoder_fp16.safetensors"
    weights = {name: t.float() for file in (vgg, decoder) for name, t in load_file(file).items()}
    worst = float("inf")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        at = pathlib.Path(folder)
        run = lambda *typed: subprocess.run([args.impasto, "--quiet", *map(str, typed)], check=True, stdout=subprocess.DEVNULL)
        run("import", vgg, decoder, "-o", at / "classic.safetensors")
        Image.open(args.data / "eval/style/marc_red_blue_horse.jpg").resize((211, 187)).save(at / "style.png")
        for width, height in SIZES:
            Image.open(args.data / "eval/content/cove.jpg").resize((width, height)).save(at / "content.png")
            expected = paint(weights, tensor(at / "content.png"), tensor(at / "style.png"))[0, :, :height, :width]
            expected = (expected.clamp(0, 1) * 255 + 0.5).floor().permute(1, 2, 0).numpy()
            for precision in ("f32", "bf16"):
                run("stylize", at / "content.png", "--style", at / "style.png", "--style-size", 0, "--model",
                    at / "classic.safetensors", "--precision", precision, "-o", at / "painted.png", "--force")
                found = np.array(Image.open(at / "painted.png"))
                assert found.shape == expected.shape, f"{found.shape} instead of {expected.shape}"
                db = psnr_db(found, expected)
                worst = min(worst, db)
                print(f"{width}x{height} {precision}: {db:.1f} dB")
    return 0 if worst >= LEAST_DB else 1


if __name__ == "__main__":
    sys.exit(main())
