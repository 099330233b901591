"""Style files: safetensors with one tensor `style` of 32-bit floats."""
import json

import numpy as np

from utils.pipe import Failure


def read_style(path, config):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about, tensor = header.get("__metadata__", {}), header["style"]
    if about.get("model_id") != config["model"]["id"]:
        raise Failure("other", f"{path.name} is a style of another model ({about.get('model')} {about.get('model_id')})")
    begin, end = tensor["data_offsets"]
    vector = np.frombuffer(data[8 + length + begin : 8 + length + end], "<f4")
    if vector.size != config["style_length"]:
        raise Failure("other", f"{path.name} holds {vector.size} values instead of {config['style_length']}")
    return vector


def load_styles(folder, config):
    """All styles of the folder by name: those of the export in their order, then others by name."""
    files = {path.stem: path for path in sorted(folder.glob("*.style"))}
    names = [n for n in config["styles"] if n in files] + [n for n in files if n not in config["styles"]]
    if not names:
        raise Failure("other", f"there is no .style file in {folder}")
    return {name: read_style(files[name], config) for name in names}
