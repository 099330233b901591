#!/usr/bin/env python3
"""Runs the programs of docs/export.md as they stand there, and compares what they paint with `impasto stylize`.

usage: snippets.py IMPASTO PHOTO PAINTING [--node-modules FOLDER] [--ort-include FOLDER --ort-library FILE]

Python: needs numpy, onnxruntime and pillow. JavaScript: node, and a folder with onnxruntime-web
(`npm install onnxruntime-web`). C++: the headers of ONNX Runtime, its library, and c++. What is not given is said to be
not run.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

DOC = Path(__file__).resolve().parents[2] / "docs/export.md"
LEAST_DB = 45.0

NODE = """
import fs from "node:fs";
globalThis.ImageData = class { constructor(a, b, c) {
  if (typeof a === "number") [this.width, this.height, this.data] = [a, b, new Uint8ClampedArray(4 * a * b)];
  else [this.data, this.width, this.height] = [a, b, c]; } };
ort.env.wasm.numThreads = 1;
const read = (name, width, height) => new ImageData(new Uint8ClampedArray(fs.readFileSync(name)), width, height);
const [photo, painting] = SIZES.map(([name, width, height]) => read(name, width, height));
fs.writeFileSync("js.rgba", (await paint(photo, await encode(painting))).data);
"""

MAIN = """
#include <fstream>
std::vector<float> floats(const char* name, size_t count) {
    std::vector<float> values(count);
    std::ifstream(name, std::ios::binary).read(reinterpret_cast<char*>(values.data()), 4 * count);
    return values;
}
int main() {
    Ort::Env env;
    Ort::Session painter(env, "light.onnx", Ort::SessionOptions{});
    auto image = floats("photo.f32", 3 * HEIGHT * WIDTH);
    auto style = floats("style.f32", STYLE);
    auto picture = paint(painter, image, HEIGHT, WIDTH, style);
    std::ofstream("cpp.f32", std::ios::binary).write(reinterpret_cast<char*>(picture.data()), 4 * picture.size());
}
"""


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", DOC.read_text(), re.S)[1]


def rgb(path):
    return np.asarray(Image.open(path).convert("RGB"))


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def judge(name, found, expected):
    difference = found.astype(np.float64) - expected
    db = 10 * np.log10(255**2 / max((difference**2).mean(), 1e-12))
    print(f"{'ok' if db >= LEAST_DB else 'FAILED'} {name}: {db:.1f} dB against impasto stylize")
    return db >= LEAST_DB


def python(folder):
    (folder / "snippet.py").write_text(snippet("python"))
    run(sys.executable, "snippet.py", cwd=folder)
    return rgb(folder / "out.png")


def javascript(folder, modules):
    sizes = []
    for name in ("photo", "painting"):
        pixels = np.asarray(Image.open(folder / f"{name}.jpg").convert("RGBA"))
        pixels.tofile(folder / f"{name}.rgba")
        sizes.append([f"{name}.rgba", pixels.shape[1], pixels.shape[0]])
    (folder / "snippet.mjs").write_text(snippet("js") + NODE.replace("SIZES", str(sizes)))
    (folder / "node_modules").symlink_to(modules.resolve())
    run("node", "snippet.mjs", cwd=folder)
    _, width, height = sizes[0]
    return np.fromfile(folder / "js.rgba", np.uint8).reshape(height, width, 4)[:, :, :3]


def cpp(folder, include, library):
    import onnxruntime

    def planes(name):
        return np.ascontiguousarray(rgb(folder / name).astype(np.float32).transpose(2, 0, 1)[None] / 255)

    image = planes("photo.jpg")
    encoder = onnxruntime.InferenceSession(str(folder / "light.encoder.onnx"))
    style = encoder.run(None, {"image": planes("painting.jpg")})[0]
    image.tofile(folder / "photo.f32")
    style.tofile(folder / "style.f32")
    _, _, height, width = image.shape
    main = MAIN.replace("HEIGHT", str(height)).replace("WIDTH", str(width)).replace("STYLE", str(style.size))
    (folder / "snippet.cpp").write_text(snippet("cpp") + main)
    # The library in the Python package has a longer name than the one that programs look for.
    (folder / "libonnxruntime.so.1").symlink_to(library)
    run("c++", "-std=c++17", "-O1", f"-I{include.resolve()}", "snippet.cpp", library, "-Wl,-rpath,$ORIGIN", "-o", "a.out", cwd=folder)
    run("./a.out", cwd=folder)
    picture = np.fromfile(folder / "cpp.f32", np.float32).reshape(3, height, width).transpose(1, 2, 0)
    return (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("impasto", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--node-modules", type=Path)
    parser.add_argument("--ort-include", type=Path)
    parser.add_argument("--ort-library", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Small, and of sides that the network does not divide evenly.
        Image.open(args.photo).convert("RGB").resize((321, 203)).save(folder / "photo.jpg", quality=95)
        Image.open(args.painting).convert("RGB").resize((260, 240)).save(folder / "painting.jpg", quality=95)
        impasto = args.impasto.resolve()
        run(impasto, "export", "--target", "onnx", "--model", "light", "-o", "light.onnx", cwd=folder)
        words = ["photo.jpg", "--style", "painting.jpg", "--style-size", "0", "--model", "light", "-o", "expected.png"]
        run(impasto, "stylize", *words, cwd=folder)
        expected = rgb(folder / "expected.png")
        passed = [judge("Python", python(folder), expected)]
        if args.node_modules and shutil.which("node"):
            passed.append(judge("JavaScript", javascript(folder, args.node_modules), expected))
        else:
            print("not run: JavaScript (give --node-modules)")
        if args.ort_include and args.ort_library:
            passed.append(judge("C++", cpp(folder, args.ort_include, args.ort_library.resolve()), expected))
        else:
            print("not run: C++ (give --ort-include and --ort-library)")
    sys.exit(0 if all(passed) else 1)


main()
