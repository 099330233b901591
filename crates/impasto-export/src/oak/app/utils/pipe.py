"""The pipe to Impasto. Each message: 4 letters, length (4 bytes, little-endian), the rest.

Out: HELO (JSON), FRAM (time in us 8 bytes, width 4, height 4, RGB bytes), NOTE (text), FAIL (JSON), PULS.
In:  HELO (JSON), STYL (32-bit floats), STOP; the end of input means STOP.
"""
import json
import os
import struct
import sys
import threading
import time

PULSE_SECONDS = 0.5
LONGEST_BYTES = 64 << 20


class Failure(Exception):
    """Something a person must see to; `code` is for Impasto."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Pipe:
    def __init__(self):
        # Standard output belongs to messages: whatever anything prints goes to standard error.
        self.out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
        os.dup2(2, 1)
        self.stopped = False
        self.spoke = 0.0
        self.lock = threading.Lock()

    def send(self, kind, *parts):
        with self.lock:
            self.out.write(kind + struct.pack("<I", sum(map(len, parts))))
            for part in parts:
                self.out.write(part)
            self.out.flush()
            self.spoke = time.monotonic()

    def hello(self, config, depthai_version, mode, width, height):
        about = {
            "protocol": config["protocol"],
            "app_version": config["app_version"],
            "depthai": depthai_version,
            "mode": mode,
            "model_id": config["model"]["id"],
            "width": width,
            "height": height,
            "style_length": config["style_length"],
        }
        self.send(b"HELO", json.dumps(about).encode())

    def frame(self, time_us, rgb):
        height, width, _ = rgb.shape
        self.send(b"FRAM", struct.pack("<QII", time_us, width, height), rgb.tobytes())

    def pulse(self):
        if time.monotonic() - self.spoke > PULSE_SECONDS:
            self.send(b"PULS")

    def note(self, text):
        self.send(b"NOTE", text.encode())

    def fail(self, failure):
        self.send(b"FAIL", json.dumps({"code": failure.code, "message": str(failure)}).encode())

    def listen(self, on_style):
        """Reads messages in a thread of its own; `on_style` gets each style vector."""
        threading.Thread(target=self._listen, args=(on_style,), daemon=True).start()

    def _listen(self, on_style):
        import numpy as np

        source = sys.stdin.buffer
        while len(head := source.read(8)) == 8:
            kind, length = head[:4], struct.unpack("<I", head[4:])[0]
            if kind == b"STOP" or length > LONGEST_BYTES:
                break
            rest = source.read(length)
            if kind == b"STYL" and on_style:
                on_style(np.frombuffer(rest, "<f4"))
        self.stopped = True
