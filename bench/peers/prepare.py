"""Models, pictures and styles that all engines share, made once and kept in the work folder."""

import subprocess

import numpy as np
from PIL import Image

VGG = "weights/vgg19_normalised_relu4_1.safetensors"
DECODER = "reference/adain_official_decoder_fp16.safetensors"


class Workshop:
    """Everything lies in `folder`; `data` is where the classic network's weights and the photos are, or None."""

    def __init__(self, folder, impasto, data):
        self.folder, self.impasto, self.data = folder, impasto, data
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, *words, **options):
        return subprocess.run([str(self.impasto), "--quiet", *map(str, words)], check=True, capture_output=True, text=True, **options)

    def model(self, name):
        """What `--model` takes, or None where it cannot be had."""
        if name == "light":
            return "light"
        path = self.folder / f"{name}.safetensors"
        if not path.exists() and name == "student":
            words = ["cargo", "run", "--release", "-q", "-p", "impasto-core", "--example", "student", "--", str(path)]
            subprocess.run(words, check=True)
        if not path.exists() and name == "classic":
            if self.data is None:
                return None
            self.run("import", self.data / VGG, self.data / DECODER, "-o", path)
        return str(path)

    def onnx(self, case):
        path = self.folder / f"{case.model}-{case.size}.onnx"
        if not path.exists():
            self.run("export", "--target", "onnx", "--model", self.model(case.model), "--size", case.size, "-o", path)
        return path

    def int8(self, case):
        path = self.folder / f"{case.model}-{case.size}-int8.onnx"
        if not path.exists():
            quantise(self.onnx(case), path, [planes(p) for p in self.photos(case.width, case.height)], np.load(self.style(case)))
        return path

    def photos(self, width, height):
        """Files of that size: some of the eval photos, or the drawn picture."""
        if self.data is None:
            return [self.picture(width, height)]
        made = []
        for path in sorted((self.data / "eval/content").glob("*.jpg"))[::3]:
            resized = self.folder / f"{path.stem}-{width}x{height}.png"
            if not resized.exists():
                Image.open(path).convert("RGB").resize((width, height), Image.LANCZOS).save(resized)
            made.append(resized)
        return made

    def picture(self, width, height):
        """The frame: slopes, discs and noise, so that no layer is constant anywhere."""
        path = self.folder / f"picture-{width}x{height}.png"
        if not path.exists():
            y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
            discs = (np.sin(9 * x + 2) * np.sin(7 * y + 1) > 0.3) * 0.4
            noise = np.random.default_rng(1).normal(0, 0.05, (height, width, 3))
            rgb = np.stack([x, y, 1 - x], 2) * 0.6 + discs[..., None] + noise
            Image.fromarray((rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(path)
            np.save(path.with_suffix(".npy"), planes(path))
        return path

    def style(self, case):
        """The style of a drawn painting, by the model's own encoder."""
        path = self.folder / f"{case.model}-style.npy"
        if not path.exists():
            import onnxruntime

            encoder = self.onnx(case).with_suffix(".encoder.onnx")
            session = onnxruntime.InferenceSession(str(encoder), providers=["CPUExecutionProvider"])
            np.save(path, session.run(None, {"image": planes(self.picture(256, 256))})[0])
        return path

    def painted(self, case, precision, photo=None):
        """Our picture as numbers."""
        photo = photo or self.picture(case.width, case.height)
        out = self.folder / "painted.png"
        self.run("stylize", photo, "--style", self.picture(256, 256), "--style-size", 0, "--model", self.model(case.model),
                 "--engine", "cpu", "--precision", precision, "-o", out, "--force")
        return np.asarray(Image.open(out))


def planes(path):
    return np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255


def quantise(model, out, photos, style):
    """Eight bits by ONNX Runtime's own tool, a scale for each output channel; the layers at the two ends stay as they are."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Photos(CalibrationDataReader):
        left = iter([{"image": photo, "style": style} for photo in photos])

        def get_next(self):
            return next(self.left, None)

    convolutions = [n.name for n in onnx.load(model).graph.node if n.op_type == "Conv"]
    quantize_static(str(model), str(out), Photos(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Pad", "Resize"],
                    nodes_to_exclude=[convolutions[0], convolutions[-1]])
