"""As much of the depthai module as the generated program uses in its pipe mode, without a camera.

The false network paints everything in the grey that the style's first value names; the false camera films a
picture whose pixel (x, y) is (x, y, 9).
"""
import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

__version__ = "3.false"
CONFIG = json.loads((Path(__import__("sys").argv[0]).resolve().parent / "app.json").read_text())


class Queue:
    def __init__(self):
        self.newest, self.changed = None, threading.Condition()

    def send(self, message):
        with self.changed:
            self.newest = message
            self.changed.notify_all()

    def get(self, timeout):
        with self.changed:
            self.changed.wait_for(lambda: self.newest is not None, timeout.total_seconds())
            message, self.newest = self.newest, None
            return message


class Port:
    def __init__(self):
        self.queues, self.targets = [], []

    def createOutputQueue(self, maxSize, blocking):
        self.queues.append(Queue())
        return self.queues[-1]

    createInputQueue = createOutputQueue

    def link(self, other):
        self.targets.append(other)

    def emit(self, message):
        for queue in self.queues:
            queue.send(message)

    def setBlocking(self, _): pass
    def setMaxSize(self, _): pass
    def setReusePreviousMessage(self, reuse): assert reuse is True


class Camera:
    def build(self):
        return self

    def requestOutput(self, size, type, fps):
        assert size == (CONFIG["image"]["width"], CONFIG["image"]["height"]) and fps == 15.0
        self.size, self.type, self.out = size, type, Port()
        return self.out

    def step(self):
        width, height = self.size
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([x, y, np.full_like(x, 9)], 2).astype(np.uint8)
        self.out.emit(SimpleNamespace(getData=lambda: pixels.ravel()))


class NeuralNetwork:
    def __init__(self):
        self.inputs, self.out, self.grey = {"image": Port(), "style": Port()}, Port(), 0.0

    def setNNArchive(self, archive):
        assert Path(archive.path).exists()

    def setNumInferenceThreads(self, _): pass

    def step(self):
        for queue in self.inputs["style"].queues:
            if queue.newest is not None:
                self.grey = float(queue.newest.tensors["style"].ravel()[0])
                assert queue.newest.tensors["style"].shape == (1, CONFIG["style_length"], 1, 1)
        width, height = CONFIG["picture"]["width"], CONFIG["picture"]["height"]
        if CONFIG["picture"]["head"] == "yuv420":
            planes = np.zeros((1, 6, height // 2, width // 2), np.float16)
            planes[:, :4] = self.grey
        else:
            planes = np.full((1, 3, height, width), self.grey, np.float16)
        self.out.emit(SimpleNamespace(getTensor=lambda name: planes if name == "picture" else None))


class NNData:
    def __init__(self):
        self.tensors = {}

    def addTensor(self, name, values, dataType):
        assert dataType == "FP16" and values.dtype == np.float16
        self.tensors[name] = values


class Pipeline:
    def __init__(self, device):
        self.nodes, self.running = [], False

    def create(self, kind):
        self.nodes.append(kind())
        return self.nodes[-1]

    def start(self):
        self.running = True
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.running:
            for each in self.nodes:
                each.step()
            time.sleep(0.005)

    def isRunning(self):
        return self.running

    def stop(self):
        self.running = False


class Device:
    def close(self): pass


def NNArchive(path):
    return SimpleNamespace(path=path)


node = SimpleNamespace(Camera=Camera, NeuralNetwork=NeuralNetwork)
ImgFrame = SimpleNamespace(Type=SimpleNamespace(RGB888p="planes", RGB888i="interleaved"))
TensorInfo = SimpleNamespace(DataType=SimpleNamespace(FP16="FP16"))
