#!/usr/bin/env python3
"""Holds our TensorBoard event files against TensorBoard itself.

    pip install tensorboard
    python check_events.py RUN         reads RUN's event files with TensorBoard's reader and compares them with RUN/log.jsonl
    python check_events.py --golden    prints the bytes that TensorBoard's own writer makes, for the test in journal/events.rs
"""
import io
import json
import pathlib
import sys


def golden():
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    out = io.BytesIO()
    writer = RecordWriter(out)
    value = Summary.Value(tag="loss/style", simple_value=0.25)
    for event in (
        Event(wall_time=1.5, file_version="brain.Event:2"),
        Event(wall_time=1.5, step=300, summary=Summary(value=[value])),
    ):
        writer.write(event.SerializeToString())
    return out.getvalue().hex()


def check(run):
    from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0, IMAGES: 0})
    events.Reload()
    log = [json.loads(line) for line in (run / "log.jsonl").open()]
    steps = {e["step"]: e for e in log if e["what"] == "steps"}
    held = {e["step"]: e for e in log if e["what"] == "validated"}
    compared = 0
    for tag, of in (("schedule/rate", lambda s: steps[s]["rate"]), ("held out/style", lambda s: held[s]["style"])):
        found = {e.step: e.value for e in events.Scalars(tag)}
        assert list(found) == sorted(steps if tag.startswith("schedule") else held), (tag, list(found))
        for step, value in found.items():
            assert abs(value - of(step)) <= 1e-6 * max(1, abs(value)), (tag, step, value, of(step))
            compared += 1
    pictures = events.Images("held out")
    assert [p.step for p in pictures] == sorted(held), [p.step for p in pictures]
    for p in pictures:
        assert p.encoded_image_string[:2] == b"\xff\xd8" and p.width > p.height > 0, (p.width, p.height)
    print(f"{compared} numbers and {len(pictures)} pictures agree; tags: {', '.join(events.Tags()['scalars'])}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--golden"]:
        print(golden())
    else:
        check(pathlib.Path(sys.argv[1]))
