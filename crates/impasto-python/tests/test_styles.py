"""Styles, and arithmetic on them."""

import numpy
import pytest

import impasto
from impasto import Style


def test_styles_come_by_name_file_and_array(stylizer, photo, painting, tmp_path):
    waves = Style("waves")
    assert waves.name == "waves" and "Hokusai" in waves.source and waves.model == "light" and not waves.tuned
    assert Style("Starry Night").name == "starry-night"
    file = tmp_path / "waves.style"
    waves.save(file)
    assert Style(file) == waves and Style(str(file)) == waves and Style(waves) == waves
    stripes = stylizer.style(painting, name="stripes", style_px=0)
    assert stripes.name == "stripes" and stripes.source == "an array"
    assert stripes.vector.dtype == numpy.float32 and stripes.vector.shape == waves.vector.shape
    assert Style(painting, style_px=0, stylizer=stylizer) == Style(painting, name="style", style_px=0, stylizer=stylizer)
    assert numpy.allclose(Style(painting, style_px=0).vector, stripes.vector, atol=1e-4)
    assert (stylizer.paint(photo, painting, style_px=0) == stylizer.paint(photo, stripes)).all()


def test_styles_mix(stylizer, photo):
    waves, mosaic = Style("waves"), Style("mosaic")
    mixed = 0.7 * waves + mosaic * 0.3
    assert numpy.allclose(mixed.vector, 0.7 * waves.vector + 0.3 * mosaic.vector, atol=1e-5)
    assert mixed.name == "waves+mosaic"
    assert repr(mixed).startswith("<impasto.Style 0.7 * waves + 0.3")
    assert numpy.allclose((7 * waves + 3 * mosaic).vector, mixed.vector, atol=1e-5)
    assert numpy.allclose((2 * (waves + mosaic)).vector, (waves + mosaic).vector)
    assert (0.2 * waves).vector.tolist() == waves.vector.tolist(), "weights are relative"
    assert waves.toward(mosaic, 0.0).vector.tolist() == waves.vector.tolist()
    assert numpy.allclose(waves.toward(mosaic, 0.3).vector, mixed.vector, atol=1e-5)
    assert (stylizer.paint(photo, mixed) != stylizer.paint(photo, waves)).any()


def test_wrong_styles_are_refused(stylizer, photo, tmp_path):
    waves = Style("waves")
    damaged = tmp_path / "damaged.style"
    damaged.write_bytes(b"no style")
    for wrong, words in [
        (lambda: Style("wvaes"), "there is no style `wvaes`.*`waves`"),
        (lambda: Style(tmp_path), "is a folder"),
        (lambda: Style(damaged), "damaged.style: not a style file"),
        (lambda: stylizer.paint(photo, damaged), "damaged.style: not a style file"),
        (lambda: -1.0 * waves, "the weight of style `waves` is -1"),
        (lambda: waves * float("nan"), "weights are numbers"),
        (lambda: (0.0 * waves).vector, "all weights are 0"),
        (lambda: stylizer.paint(photo, 0.0 * waves + 0.0 * waves), "all weights are 0"),
        (lambda: waves.save(tmp_path / "waves.png"), "does not end in .style"),
        (lambda: waves.save(tmp_path / "nowhere" / "waves.style"), "cannot write"),
        (lambda: stylizer.style(numpy.zeros((1, 3000, 3), numpy.uint8), style_px=5000), "the limit is"),
    ]:
        with pytest.raises(impasto.Error, match=words):
            wrong()
    for wrong in [lambda: waves + 1, lambda: waves * "2", lambda: stylizer.paint(photo, 7), lambda: Style(None)]:
        with pytest.raises(TypeError):
            wrong()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.style"], "nothing is left behind"
