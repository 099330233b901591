import numpy
import pytest

import impasto


@pytest.fixture(scope="session")
def stylizer():
    return impasto.Stylizer(engine="cpu", threads=1)


@pytest.fixture(scope="session")
def photo():
    """A bright disc before a gradient."""
    y, x = numpy.mgrid[0:72, 0:96]
    disc = (x - 40) ** 2 + (y - 36) ** 2 < 400
    planes = [numpy.where(disc, 240, 2 * x), numpy.where(disc, 200, 3 * y), numpy.where(disc, 40, 120)]
    return numpy.stack(planes, axis=-1).astype(numpy.uint8)


@pytest.fixture(scope="session")
def painting():
    y, x = numpy.mgrid[0:80, 0:80]
    planes = [255 * ((x // 8) % 2), 255 * ((y // 8) % 2), 128 + 0 * x]
    return numpy.stack(planes, axis=-1).astype(numpy.uint8)
