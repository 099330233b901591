"""Photos in and out."""

import threading

import numpy
import pytest

import impasto


def test_a_photo_is_painted_and_stays_what_it_was(stylizer, photo):
    before = photo.copy()
    painted = stylizer.paint(photo, "waves")
    assert painted.shape == photo.shape and painted.dtype == numpy.uint8
    assert painted.flags.writeable and painted.flags.c_contiguous
    assert (photo == before).all()
    change = numpy.abs(painted.astype(int) - photo)
    assert change.mean() > 5 and painted.std() > 5
    assert (stylizer.paint(photo, "waves") == painted).all()
    assert (stylizer.paint(photo, "mosaic") != painted).any()


def test_any_strides_paint_the_same(stylizer, photo):
    painted = stylizer.paint(photo, "waves")
    wide = numpy.zeros((72, 200, 4), numpy.uint8)
    wide[:, 50:146, :3] = photo
    bgr = numpy.ascontiguousarray(photo[..., ::-1])
    upside_down = numpy.ascontiguousarray(photo[::-1])
    columns = numpy.asfortranarray(photo)
    for same in [wide[:, 50:146, :3], bgr[..., ::-1], upside_down[::-1], columns]:
        assert not same.flags.c_contiguous
        assert (stylizer.paint(same, "waves") == painted).all()
    read_only = photo.copy()
    read_only.flags.writeable = False
    assert (stylizer.paint(read_only, "waves") == painted).all()


def test_pictures_come_from_pil_and_files(stylizer, photo, tmp_path):
    image = pytest.importorskip("PIL.Image")
    painted = stylizer.paint(photo, "waves")
    file = tmp_path / "photo.png"
    image.fromarray(photo).save(file)
    for same in [image.fromarray(photo), image.open(file), file, str(file)]:
        assert (stylizer.paint(same, "waves") == painted).all()
    painted_style = stylizer.paint(photo, image.fromarray(photo), style_px=64)
    assert (stylizer.paint(photo, file, style_px=64) == painted_style).all()


def test_dials_turn(stylizer, photo):
    full = stylizer.paint(photo, "waves").astype(int)
    half = stylizer.paint(photo, "waves", strength=0.3)
    kept = stylizer.paint(photo, "waves", keep_color=1.0)
    distance = lambda painted: numpy.abs(painted.astype(int) - photo).mean()
    assert distance(half) < distance(full)
    assert distance(kept) < distance(full)
    for dials in [{"strength": 1.5}, {"strength": -0.1}, {"keep_color": float("nan")}, {"strokes": 3.0}]:
        with pytest.raises(impasto.Error, match="must be between 0 and"):
            stylizer.paint(photo, "waves", **dials)
    with pytest.raises(OverflowError):
        stylizer.paint(photo, "waves", seed=-1)


def test_regions_keep_the_rest(stylizer, photo):
    left = numpy.zeros(photo.shape[:2], bool)
    left[:, :48] = True
    painted = stylizer.paint_regions(photo, [(left, "waves")])
    assert (painted[:, 48:] == photo[:, 48:]).all()
    assert (painted[:, :48] == stylizer.paint(photo, "waves")[:, :48]).all()
    grey = left.astype(numpy.uint8) * 255
    assert (stylizer.paint_regions(photo, [(grey, "waves")]) == painted).all()
    with pytest.raises(impasto.Error, match="resize the mask"):
        stylizer.paint_regions(photo, [(left[:10], "waves")])
    with pytest.raises(ValueError, match="mask has shape"):
        stylizer.paint_regions(photo, [(photo, "waves")])
    with pytest.raises(TypeError, match="mask is a ndarray of dtype float64"):
        stylizer.paint_regions(photo, [(left * 1.0, "waves")])
    with pytest.raises(impasto.Error, match="no region"):
        stylizer.paint_regions(photo, [])


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (numpy.zeros((8, 8, 3), numpy.float32), TypeError, "dtype float32; pass uint8 values"),
        (numpy.zeros((8, 8, 3), numpy.int64), TypeError, "dtype int64"),
        (numpy.zeros((8, 8, 3), numpy.int8), TypeError, "dtype int8"),
        (numpy.zeros((8, 8), numpy.uint8), ValueError, "a grey picture is repeated"),
        (numpy.zeros((8, 8, 4), numpy.uint8), ValueError, "leave the alpha out"),
        (numpy.zeros((3, 8, 9), numpy.uint8), ValueError, "moved last"),
        (numpy.zeros((1, 8, 8, 3), numpy.uint8), ValueError, "one picture"),
        (numpy.zeros((0, 8, 3), numpy.uint8), impasto.Error, "has no pixels"),
        (numpy.zeros((8, 0, 3), numpy.uint8), impasto.Error, "has no pixels"),
        ([[1, 2], [3, 4]], TypeError, "dtype int64"),
        (None, TypeError, "photo is a NoneType of dtype object"),
        (7, TypeError, "pass uint8"),
        ("no-such-photo.jpg", impasto.Error, "no-such-photo.jpg"),
    ],
)
def test_what_is_no_picture_is_refused(stylizer, bad, error, words):
    with pytest.raises(error, match=words):
        stylizer.paint(bad, "waves")


def test_tensors_are_taken_and_those_of_a_gpu_refused(stylizer, photo):
    class OnGpu:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    class OnCpu:
        def __array__(self, dtype=None, copy=None):
            return photo

    with pytest.raises(TypeError, match="Use Tensor.cpu"):
        stylizer.paint(OnGpu(), "waves")
    assert (stylizer.paint(OnCpu(), "waves") == stylizer.paint(photo, "waves")).all()


def test_wrong_words_are_refused():
    for words, message in [
        ({"engine": "cuda"}, "there is no engine `cuda`; use one of auto, cpu, gpu, reference"),
        ({"precision": "f64"}, "there is no precision `f64`; use one of f32, bf16, int8"),
        ({"model": "none.safetensors"}, "cannot use the model none.safetensors"),
    ]:
        with pytest.raises(impasto.Error, match=message):
            impasto.Stylizer(**words)


def test_threads_paint_at_once_and_python_goes_on(stylizer, photo):
    expected = stylizer.paint(photo, "waves")
    large = numpy.tile(photo, (8, 8, 1))
    painted, counted, done = [], 0, threading.Event()

    def work():
        painted.append(stylizer.paint(photo, "waves"))

    def long_work():
        stylizer.paint(large, "waves")
        done.set()

    threads = [threading.Thread(target=work) for _ in range(4)] + [threading.Thread(target=long_work)]
    for thread in threads:
        thread.start()
    while not done.wait(0.0005):
        counted += 1
    for thread in threads:
        thread.join()
    assert len(painted) == 4 and all((p == expected).all() for p in painted)
    assert counted > 3, "Python stood still while a picture was painted"


def test_help_explains():
    for thing in [impasto, impasto.Stylizer, impasto.Style, impasto.Session, impasto.Stylizer.paint, impasto.styles]:
        assert len(thing.__doc__) > 40, thing
    assert "keep_color=0.0" in impasto.Stylizer.paint.__text_signature__
    assert "waves" in impasto.styles()
    assert impasto.__version__.count(".") == 2
