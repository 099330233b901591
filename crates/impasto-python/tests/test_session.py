"""Films and cameras."""

import threading

import numpy
import pytest

import impasto


def frames(photo, count):
    """The photo with a camera's noise."""
    random = numpy.random.default_rng(7)
    for _ in range(count):
        yield numpy.clip(photo + random.normal(0, 4, photo.shape), 0, 255).astype(numpy.uint8)


def flicker(painted):
    return numpy.mean([numpy.abs(b.astype(int) - a).mean() for a, b in zip(painted, painted[1:])])


def test_a_session_paints_steadily(stylizer, photo):
    film = list(frames(photo, 4))
    with stylizer.session("waves") as session, stylizer.session("waves", steady=0.0) as restless:
        steady = [session.paint(frame) for frame in film]
        loose = [restless.paint(frame) for frame in film]
    assert all(frame.shape == photo.shape for frame in steady)
    assert flicker(steady) < 0.5 * flicker(loose)
    assert (loose[0] == stylizer.paint(film[0], "waves")).all()


def test_settings_change_while_it_runs(stylizer, photo):
    session = stylizer.session("waves", steady=0.0)
    waves = session.paint(photo)
    session.set("mosaic")
    assert (session.paint(photo) == stylizer.paint(photo, "mosaic")).all()
    session.set("waves", strength=0.5)
    assert (session.paint(photo) == stylizer.paint(photo, "waves", strength=0.5)).all()
    with pytest.raises(impasto.Error, match="strength must be between"):
        session.set("mosaic", strength=2.0)
    session.set(strength=1.0)
    assert (session.paint(photo) == waves).all(), "a refused change changes nothing"
    small = photo[:33, :41]
    assert session.paint(small).shape == small.shape


def test_frames_are_begun_and_finished_in_order(stylizer, photo):
    film = list(frames(photo, 3))
    with stylizer.session("waves", steady=0.0) as session:
        assert session.finish() is None
        painted = []
        for frame in film:
            session.begin(frame)
            if session.full:
                painted.append(session.finish())
        while (frame := session.finish()) is not None:
            painted.append(frame)
    assert len(painted) == 3
    assert all((p == stylizer.paint(f, "waves")).all() for p, f in zip(painted, film))


def test_a_reset_forgets(stylizer, photo):
    film = list(frames(photo, 2))
    with stylizer.session("waves") as session:
        first = session.paint(film[0])
        session.paint(film[1])
        session.reset()
        assert (session.paint(film[0]) == first).all()


def test_a_closed_session_says_so(stylizer, photo):
    session = stylizer.session("waves")
    assert repr(session) == "<impasto.Session waves>"
    session.close()
    session.close()
    assert repr(session) == "<impasto.Session, closed>"
    for call in [
        lambda: session.paint(photo),
        lambda: session.begin(photo),
        session.finish,
        session.reset,
        lambda: session.set("mosaic"),
        lambda: session.full,
    ]:
        with pytest.raises(impasto.Error, match="the session is closed"):
            call()


def test_threads_may_share_a_session(stylizer, photo):
    expected = stylizer.paint(photo, "waves")
    session = stylizer.session("waves", steady=0.0)
    outcomes = []

    def work():
        for _ in range(5):
            try:
                outcomes.append((session.paint(photo) == expected).all())
            except impasto.Error as error:
                outcomes.append("closed" in str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    repr(session)
    threads[0].join()
    session.close()
    for thread in threads[1:]:
        thread.join()
    assert len(outcomes) == 20 and all(outcomes)


def test_bad_frames_leave_a_session_usable(stylizer, photo):
    with stylizer.session("waves", steady=0.0) as session:
        for bad in [photo.astype(float), photo[..., 0], numpy.zeros((0, 0, 3), numpy.uint8), None]:
            with pytest.raises((TypeError, ValueError)):
                session.paint(bad)
        assert (session.paint(photo) == stylizer.paint(photo, "waves")).all()
