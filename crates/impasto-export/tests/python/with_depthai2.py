"""The real depthai 2.33 against the false OAK: the pipeline and the blob arrive, a style and a picture cross.

usage: with_depthai2.py ARCHIVE.rvc2.tar.xz       prints `ok ...` lines; any failure is an exception
"""
import os
import struct
import sys
import tarfile
import tempfile

for name, value in {
    "DEPTHAI_PROTOCOL": "tcpip",
    "DEPTHAI_WATCHDOG": "0",
    "DEPTHAI_TELEMETRY": "0",
    "DEPTHAI_DISABLE_CRASHDUMP_COLLECTION": "1",
    "DEPTHAI_CRASHDUMP_TIMEOUT": "0",
    "DEPTHAI_LEVEL": "error",
}.items():
    os.environ[name] = value

import json  # noqa: E402

import depthai as dai  # noqa: E402
import numpy as np  # noqa: E402
from false_oak import FalseOak  # noqa: E402

seen = {}
# What 2.33 calls without arguments while it starts a pipeline, in this order, and what a camera would say.
unargued = iter([("is running", False), ("print assets", None), ("build", [True, ""]), ("start", None)])


def answer(_function, arguments):
    first = arguments[0] if arguments else None
    if isinstance(first, dict) and "nodes" in first:
        seen["schema"] = first
    elif isinstance(first, dict) and "map" in first:
        seen["assets"] = first["map"]
    elif not arguments:
        return next(unargued, ("more", None))[1]
    return None


def network_of(path):
    with tarfile.open(path, "r:xz") as tar:
        config = json.load(tar.extractfile("config.json"))["model"]
        return config, tar.extractfile(config["metadata"]["path"]).read()


def build(blob_path):
    pipeline = dai.Pipeline()
    network = pipeline.create(dai.node.NeuralNetwork)
    network.setBlobPath(blob_path)
    for name in ("image", "style", "echo"):
        source = pipeline.create(dai.node.XLinkIn)
        source.setStreamName(name)
        if name != "echo":
            source.out.link(network.inputs[name])
    network.inputs["style"].setReusePreviousMessage(True)
    sink = pipeline.create(dai.node.XLinkOut)
    sink.setStreamName("picture")
    network.out.link(sink.input)
    return pipeline


def layer(name, values):
    message = dai.NNData()
    message.setLayer(name, [float(v) for v in values])
    return message


def main():
    config, blob = network_of(sys.argv[1])
    oak = FalseOak(answer)
    oak.start()
    with tempfile.NamedTemporaryFile(suffix=".blob") as file:
        file.write(blob)
        file.flush()
        device = dai.Device(build(file.name), dai.DeviceInfo("127.0.0.1"))
    print("ok connected")

    nodes = sorted(node[1]["name"] for node in seen["schema"]["nodes"])
    assert nodes == ["NeuralNetwork", "XLinkIn", "XLinkIn", "XLinkIn", "XLinkOut"], nodes
    print("ok pipeline", ",".join(nodes))

    assert oak.wait_for(lambda: len(oak.received("__stream_asset_storage")) >= len(blob))
    assert oak.received("__stream_asset_storage")[: len(blob)] == blob
    print(f"ok blob of {len(blob)} bytes arrived byte for byte")

    length = next(i["shape"][1] for i in config["inputs"] if i["name"] == "style")
    style = np.linspace(-2, 2, length).astype(np.float16)
    device.getInputQueue("style").send(layer("style", style))
    assert oak.wait_for(lambda: oak.packets.get("style"))
    packet = oak.packets["style"][0]
    meta_bytes = struct.unpack_from("<i", packet, len(packet) - 20)[0]
    payload = packet[: len(packet) - 24 - meta_bytes]
    assert np.array_equal(np.frombuffer(payload, np.float16)[:length], style)
    print(f"ok style of {length} values")

    shape = config["outputs"][0]["shape"]
    picture = (np.arange(np.prod(shape)) % 256).astype(np.float16)
    device.getInputQueue("echo").send(layer("picture", picture))
    assert oak.wait_for(lambda: oak.packets.get("echo"))
    back = device.getOutputQueue("picture", 1, False)
    oak.send("picture", oak.packets["echo"][0])
    found = np.array(back.get().getLayerFp16("picture"))
    assert np.array_equal(found, picture.astype(np.float64))
    print(f"ok picture of {shape} came back")
    sys.stdout.flush()
    # The false camera does not answer a proper goodbye.
    os._exit(0)


main()
