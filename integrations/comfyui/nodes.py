"""Nodes over the package `impasto`: styles from names, pictures and files, mixes of them, and painting.

They hold no logic of their own: tensors become arrays and back, and each node is one call of the package.
"""

from functools import lru_cache

import impasto
import torch

try:
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar
except ImportError:  # outside ComfyUI, as in the tests

    def throw_exception_if_processing_interrupted():
        pass

    class ProgressBar:
        def __init__(self, total):
            pass

        def update(self, count):
            pass


CATEGORY = "image/impasto"
STYLE = "IMPASTO_STYLE"


@lru_cache(maxsize=1)
def stylizer():
    """The built-in model on the fastest engine, made once."""
    return impasto.Stylizer()


def to_array(image):
    """Bytes of one image, a float tensor [height, width, channels] in 0..1 on any device; alpha is left out."""
    floats = torch.nan_to_num(image[..., :3].detach()).mul(255).round_().clamp_(0, 255)
    return floats.to(torch.uint8).cpu().numpy()


def dial(default, most=1.0, tooltip=""):
    return ("FLOAT", {"default": default, "min": 0.0, "max": most, "step": 0.01, "tooltip": tooltip})


class Style:
    """A built-in style by its name."""

    CATEGORY = CATEGORY
    RETURN_TYPES = (STYLE,)
    RETURN_NAMES = ("style",)
    FUNCTION = "read"
    DESCRIPTION = "One of the styles that are inside Impasto."

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"name": (impasto.styles(), {"default": "waves"})}}

    def read(self, name):
        return (impasto.Style(name),)


class StyleFromImage:
    """The style of a painting."""

    CATEGORY = CATEGORY
    RETURN_TYPES = (STYLE,)
    RETURN_NAMES = ("style",)
    FUNCTION = "take"
    DESCRIPTION = "The style of any picture; of a batch, the even mix of all."

    @classmethod
    def INPUT_TYPES(cls):
        size = {"default": 512, "min": 0, "max": 4096, "tooltip": "Shorter side in px; fewer give finer strokes, 0 keeps it"}
        return {"required": {"image": ("IMAGE",), "style_px": ("INT", size)}}

    def take(self, image, style_px):
        styles = [stylizer().style(to_array(painting), style_px=style_px) for painting in image]
        return (sum(styles[1:], styles[0]),)


class StyleFromFile:
    """A `.style` file, such as `impasto tune` and `impasto styles make` write, or a picture."""

    CATEGORY = CATEGORY
    RETURN_TYPES = (STYLE,)
    RETURN_NAMES = ("style",)
    FUNCTION = "read"
    DESCRIPTION = "A .style file (also one that `impasto tune` made), or a picture."

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"path": ("STRING", {"default": "", "tooltip": "A path on the machine that runs ComfyUI"})}}

    @classmethod
    def VALIDATE_INPUTS(cls, path):
        try:
            impasto.Style(path)
        except impasto.Error as error:
            return str(error)
        return True

    def read(self, path):
        return (stylizer().style(path),)


class Mix:
    """Two styles, mixed."""

    CATEGORY = CATEGORY
    RETURN_TYPES = (STYLE,)
    RETURN_NAMES = ("style",)
    FUNCTION = "mix"
    DESCRIPTION = "A mix of two styles: at 0 the first, at 1 the second."

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"first": (STYLE,), "second": (STYLE,), "share": dial(0.5, tooltip="Share of the second")}}

    def mix(self, first, second, share):
        return ((1 - share) * first + share * second,)


class Paint:
    """Paints images, or the frames of a film."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "paint"
    DESCRIPTION = "Paints in a style. A batch is a film where `steady` is above 0, else many images."

    @classmethod
    def INPUT_TYPES(cls):
        seed = {"default": 0, "min": 0, "max": 2**32 - 1, "tooltip": "Where the strokes on flat ground lie"}
        return {
            "required": {
                "image": ("IMAGE",),
                "style": (STYLE,),
                "strength": dial(1.0, tooltip="How much of the style"),
                "keep_color": dial(0.0, tooltip="How much of the image's own colours"),
                "strokes": dial(1.0, most=2.0, tooltip="How strong strokes are on flat ground"),
                "steady": dial(0.0, tooltip="How calm a film is kept from frame to frame"),
                "seed": ("INT", seed),
            },
            "optional": {"mask": ("MASK", {"tooltip": "Only what it covers is painted"})},
        }

    def paint(self, image, style, strength, keep_color, strokes, steady, seed, mask=None):
        dials = {"strength": strength, "keep_color": keep_color, "strokes": strokes, "seed": seed}
        painted = torch.empty((*image.shape[:3], 3), dtype=torch.float32)
        progress = ProgressBar(len(image))
        with stylizer().session(style, steady=steady, **dials) as session:
            for i, frame in enumerate(image):
                throw_exception_if_processing_interrupted()
                # Bytes become floats while they are copied to their place.
                painted[i] = torch.from_numpy(session.paint(to_array(frame)))
                progress.update(1)
        painted = painted.div_(255).to(image.device)
        if mask is None:
            return (painted,)
        return (torch.lerp(image[..., :3].float(), painted, self.cover(mask, image)),)

    @staticmethod
    def cover(mask, image):
        """The mask as [1 or batch, height, width, 1] of the image's size."""
        mask = mask.to(image.device).float().reshape(-1, 1, *mask.shape[-2:])
        if len(mask) not in (1, len(image)):
            raise ValueError(f"{len(mask)} masks for {len(image)} images; pass one mask, or as many as images")
        if mask.shape[-2:] != image.shape[1:3]:
            mask = torch.nn.functional.interpolate(mask, size=tuple(image.shape[1:3]), mode="bilinear")
        return mask.clamp(0, 1).movedim(1, -1)


NODE_CLASS_MAPPINGS = {
    "ImpastoStyle": Style,
    "ImpastoStyleFromImage": StyleFromImage,
    "ImpastoStyleFromFile": StyleFromFile,
    "ImpastoMix": Mix,
    "ImpastoPaint": Paint,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ImpastoStyle": "Impasto: style",
    "ImpastoStyleFromImage": "Impasto: style of a picture",
    "ImpastoStyleFromFile": "Impasto: style from a file",
    "ImpastoMix": "Impasto: mix styles",
    "ImpastoPaint": "Impasto: paint",
}
