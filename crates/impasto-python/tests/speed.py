"""Measures what Python adds to a frame: conversions of a 1280x720 frame against the whole call, in one process.

The library's own frame is the call less what `numpy` and `PyO3` do around it, so both are measured in turn and the shortest of each counts.
"""

import sys
import time

import numpy

import impasto

FRAMES = 12
MOST = 0.05


def shortest(call):
    times = []
    for _ in range(FRAMES):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def main():
    frame = numpy.random.default_rng(0).integers(0, 255, (720, 1280, 3), numpy.uint8)
    session = impasto.Stylizer(engine="cpu").session("waves", steady=0.0)
    session.paint(frame)
    whole = shortest(lambda: session.paint(frame))
    # The conversions are one copy in, and a new array of the result: here with a copy more.
    added = shortest(lambda: numpy.frombuffer(frame.tobytes(), numpy.uint8).reshape(frame.shape))
    print(f"1280x720: {whole * 1e3:.1f} ms a frame, of which conversions {added * 1e3:.2f} ms ({added / whole:.1%})")
    if added > MOST * whole:
        sys.exit(f"conversions take more than {MOST:.0%} of a frame")


main()
