"""The nodes as ComfyUI calls them: by the interface that its documentation states."""

import inspect

import numpy
import pytest

import impasto

torch = pytest.importorskip("torch")
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN"}
OWN = {"IMAGE", "MASK", "IMPASTO_STYLE"}


def run(package, name, **inputs):
    """Calls a node: widgets that are not given have their defaults."""
    node = package.NODE_CLASS_MAPPINGS[name]
    for inputs_of in node.INPUT_TYPES().values():
        for key, (kind, *options) in inputs_of.items():
            if options and "default" in options[0]:
                inputs.setdefault(key, options[0]["default"])
    outputs = getattr(node(), node.FUNCTION)(**inputs)
    assert isinstance(outputs, tuple) and len(outputs) == len(node.RETURN_TYPES)
    return outputs[0]


def batch(count=2, channels=3):
    y, x = numpy.mgrid[0:48, 0:64]
    frame = numpy.stack([x / 64, y / 48, (x + y) / 112, 0 * x + 1][:channels], axis=-1)
    return torch.from_numpy(frame).float().repeat(count, 1, 1, 1)


def test_the_interface_is_the_documented_one(package):
    assert package.NODE_CLASS_MAPPINGS.keys() == package.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for node in package.NODE_CLASS_MAPPINGS.values():
        inputs = node.INPUT_TYPES()
        assert set(inputs) <= {"required", "optional", "hidden"}
        taken = {key: kind for group in inputs.values() for key, (kind, *_) in group.items()}
        parameters = inspect.signature(getattr(node, node.FUNCTION)).parameters
        assert list(taken) == list(parameters)[1:], node
        for key, kind in taken.items():
            assert kind in WIDGETS | OWN or isinstance(kind, list), (node, key)
        for key in inputs.get("optional", {}):
            assert parameters[key].default is None
        assert set(node.RETURN_TYPES) <= OWN and node.CATEGORY


def test_a_batch_is_painted(package):
    images = batch()
    before = images.clone()
    style = run(package, "ImpastoStyle", name="waves")
    painted = run(package, "ImpastoPaint", image=images, style=style)
    assert painted.shape == images.shape and painted.dtype == torch.float32
    assert painted.min() >= 0 and painted.max() <= 1 and torch.equal(images, before)
    photo = images[0].mul(255).round().byte().numpy()
    expected = impasto.Stylizer().paint(photo, "waves")
    assert (painted[0].mul(255).round().byte().numpy() == expected).all()
    assert torch.equal(painted[0], painted[1]), "images of a batch do not depend on each other"


def test_alpha_and_other_floats_are_taken(package):
    style = run(package, "ImpastoStyle", name="waves")
    painted = run(package, "ImpastoPaint", image=batch(1), style=style)
    assert torch.equal(run(package, "ImpastoPaint", image=batch(1, channels=4), style=style), painted)
    assert torch.equal(run(package, "ImpastoPaint", image=batch(1).double(), style=style), painted)
    wild = batch(1)
    wild[0, 0, 0] = torch.tensor([float("nan"), 7.0, -3.0])
    assert torch.isfinite(run(package, "ImpastoPaint", image=wild, style=style)).all()


def test_a_film_is_held_still(package):
    torch.manual_seed(7)
    film = (batch(4) + 0.015 * torch.randn(4, 48, 64, 3)).clamp(0, 1)
    style = run(package, "ImpastoStyle", name="waves")
    flicker = lambda frames: (frames[1:] - frames[:-1]).abs().mean()
    loose = run(package, "ImpastoPaint", image=film, style=style)
    steady = run(package, "ImpastoPaint", image=film, style=style, steady=0.6)
    assert flicker(steady) < 0.5 * flicker(loose)


def test_masks_say_which_part(package):
    images, style = batch(), run(package, "ImpastoStyle", name="waves")
    painted = run(package, "ImpastoPaint", image=images, style=style)
    mask = torch.zeros(48, 64)
    mask[:, :32] = 1
    for given in [mask, mask[None], mask.repeat(2, 1, 1)]:
        part = run(package, "ImpastoPaint", image=images, style=style, mask=given)
        assert torch.equal(part[:, :, :32], painted[:, :, :32]) and torch.equal(part[:, :, 32:], images[:, :, 32:])
    small = run(package, "ImpastoPaint", image=images, style=style, mask=mask[::2, ::2])
    assert torch.equal(small[:, :, 40:], images[:, :, 40:])
    with pytest.raises(ValueError, match="3 masks for 2 images"):
        run(package, "ImpastoPaint", image=images, style=style, mask=mask.repeat(3, 1, 1))


def test_styles_come_from_pictures_and_files_and_mix(package, tmp_path):
    own = run(package, "ImpastoStyleFromImage", image=batch(1), style_px=0)
    assert (run(package, "ImpastoStyleFromImage", image=batch(2), style_px=0).vector == own.vector).all()
    file = tmp_path / "own.style"
    own.save(file)
    node = package.NODE_CLASS_MAPPINGS["ImpastoStyleFromFile"]
    assert node.VALIDATE_INPUTS(path=str(file)) is True
    assert run(package, "ImpastoStyleFromFile", path=str(file)) == own
    assert "there is no style `nowhere.style`" in node.VALIDATE_INPUTS(path="nowhere.style")
    waves = run(package, "ImpastoStyle", name="waves")
    mixed = run(package, "ImpastoMix", first=waves, second=own, share=0.25)
    assert numpy.allclose(mixed.vector, 0.75 * waves.vector + 0.25 * own.vector, atol=1e-5)
    assert (run(package, "ImpastoMix", first=waves, second=own, share=0.0).vector == waves.vector).all()
    assert (run(package, "ImpastoMix", first=waves, second=own, share=1.0).vector == own.vector).all()
