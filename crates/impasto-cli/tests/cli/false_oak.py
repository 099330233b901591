"""Plays the program that drives an OAK: speaks its pipe protocol, has no camera. Python's own library only.

How it behaves stands in the file `behaviour` beside it, which it reads again before each frame. It leaves traces: its
number in `pids`, how it was called in `arguments`, and the last style it was sent in `style`.
"""
import json
import os
import struct
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODE = sys.argv[sys.argv.index("--pipe") + 1]
WIDTH, HEIGHT = 64, 32


def read(name):
    return (HERE / name).read_text().strip()


def send(kind, rest=b""):
    sys.stdout.buffer.write(kind + struct.pack("<I", len(rest)) + rest)
    sys.stdout.buffer.flush()


def fail(code, message):
    send(b"FAIL", json.dumps({"code": code, "message": message}).encode())
    sys.exit(1)


def listen():
    source = sys.stdin.buffer
    while len(head := source.read(8)) == 8 and head[:4] != b"STOP":
        rest = source.read(struct.unpack("<I", head[4:])[0])
        if head[:4] == b"STYL":
            beside = HERE / "style.part"
            beside.write_bytes(rest)
            beside.rename(HERE / "style")
    if read("behaviour") != "hang":
        os._exit(0)


def main():
    with open(HERE / "pids", "a") as pids:
        pids.write(f"{os.getpid()}\n")
    (HERE / "arguments").write_text(" ".join(sys.argv[1:]))
    behaviour = read("behaviour")
    if behaviour == "crash":
        sys.exit("a wheel came off")
    if behaviour == "no depthai":
        fail("depthai_missing", "Python cannot import depthai")
    about = {
        "protocol": 99 if behaviour == "old" else 1, "app_version": "test", "depthai": "none", "mode": MODE,
        "model_id": "another" if behaviour == "other model" else read("model_id"), "width": WIDTH, "height": HEIGHT,
        "style_length": int(read("style_length")),
    }
    send(b"HELO", json.dumps(about).encode())
    threading.Thread(target=listen, daemon=True).start()
    while (behaviour := read("behaviour")) == "work":
        pixels = bytes([0, 200, 0]) * (WIDTH * HEIGHT)
        send(b"FRAM", struct.pack("<QII", time.monotonic_ns() // 1000, WIDTH, HEIGHT) + pixels)
        time.sleep(0.02)
    if behaviour == "unplugged":
        fail("camera_lost", "the camera is gone")
    time.sleep(600)


main()
