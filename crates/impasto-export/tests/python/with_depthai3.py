"""The real depthai 3.12 and luxonis-ml take our archives.

usage: with_depthai3.py BLOB.rvc2.tar.xz SUPERBLOB.rvc2.tar.xz ONNX.onnx.tar.xz BLOB_6
Prints `ok ...` lines; any failure is an exception. BLOB_6 is the same network's blob for 6 SHAVEs.
"""
import os
import sys
import tarfile

os.environ["DEPTHAI_TELEMETRY"] = "0"
os.environ["DEPTHAI_LEVEL"] = "error"

import json  # noqa: E402
from datetime import timedelta  # noqa: E402
from functools import reduce  # noqa: E402
from pathlib import Path  # noqa: E402

import bsdiff4  # noqa: E402
import depthai as dai  # noqa: E402
import numpy as np  # noqa: E402
from luxonis_ml.nn_archive import is_nn_archive  # noqa: E402
from luxonis_ml.nn_archive.config import Config  # noqa: E402


# What the generated program calls; without a camera no pipeline can be built, but names can be missed.
NAMES = """
Device.close DeviceInfo Pipeline.create Pipeline.start Pipeline.stop Pipeline.isRunning RemoteConnection.addTopic
RemoteConnection.registerPipeline RemoteConnection.waitKey node.Camera.build node.Camera.requestOutput
node.NeuralNetwork.setNNArchive node.NeuralNetwork.setNumInferenceThreads node.NeuralNetwork.inputs node.NeuralNetwork.out
node.ReplayVideo.setReplayVideoFile node.ReplayVideo.setOutFrameType node.ReplayVideo.setFps node.ReplayVideo.setLoop
node.ReplayVideo.out node.ImageManip.initialConfig node.ImageManip.inputImage node.ImageManip.out
node.ImageManip.setMaxOutputFrameSize ImageManipConfig.setOutputSize ImageManipConfig.setFrameType
Node.Output.createOutputQueue Node.Output.link Node.Input.createInputQueue Node.Input.setReusePreviousMessage
Node.Input.setBlocking Node.Input.setMaxSize InputQueue.send ImgFrame.getData ImgFrame.setCvFrame ImgFrame.Type.NV12
ImgFrame.Type.RGB888p ImgFrame.Type.RGB888i ImgFrame.Type.BGR888i
""".split()


def check_names_and_messages():
    for name in NAMES:
        reduce(getattr, name.split("."), dai)
    print(f"ok depthai has all {len(NAMES)} names that the program uses")

    style = np.linspace(-2, 2, 800).astype(np.float16).reshape(1, -1, 1, 1)
    message = dai.NNData()
    message.addTensor("style", style, dataType=dai.TensorInfo.DataType.FP16)
    found = np.asarray(message.getTensor("style"), np.float16)
    assert found.shape == style.shape and np.array_equal(found, style)
    assert dai.MessageQueue("empty", 1, False).get(timedelta(milliseconds=1)) is None
    print("ok a style survives depthai's message, and an empty queue gives None in time")


def content(path):
    with tarfile.open(path, "r:xz") as tar:
        config = json.load(tar.extractfile("config.json"))
        return config, tar.extractfile(config["model"]["metadata"]["path"]).read()


def unpacked(superblob, shaves):
    """The blob for a number of SHAVEs, by Luxonis' own format and another BSDIFF."""
    sizes = [int.from_bytes(superblob[8 * i : 8 * i + 8], "big") for i in range(17)]
    at = 8 * 17
    whole = superblob[at : at + sizes[0]]
    at += sizes[0] + sum(sizes[1:shaves])
    patch = superblob[at : at + sizes[shaves]]
    return bsdiff4.patch(whole, patch) if patch else whole


def main():
    blob_path, superblob_path, onnx_path, blob_6 = sys.argv[1:5]
    for path in (blob_path, superblob_path, onnx_path):
        assert is_nn_archive(path), path
        Config(**content(path)[0])
    print("ok luxonis-ml accepts the archives")

    blob, superblob = dai.NNArchive(blob_path), dai.NNArchive(superblob_path)
    assert blob.getModelType() == dai.ModelType.BLOB, blob.getModelType()
    assert superblob.getModelType() == dai.ModelType.SUPERBLOB, superblob.getModelType()
    names = [i.name for i in superblob.getConfigV1().model.inputs]
    assert names == ["image", "style"], names
    print("ok depthai accepts the archives")

    expected = Path(blob_6).read_bytes()
    packed = content(superblob_path)[1]
    by_depthai = bytes(bytearray(superblob.getSuperBlob().getBlobWithNumShaves(6).data))
    assert by_depthai == expected == unpacked(packed, 6)
    for shaves in range(1, 17):
        found = superblob.getSuperBlob().getBlobWithNumShaves(shaves)
        assert found.numShaves == shaves, (found.numShaves, shaves)
        assert bytes(bytearray(found.data)) == unpacked(packed, shaves)
        assert sorted(found.networkInputs) == ["image", "style"], list(found.networkInputs)
        assert list(found.networkOutputs) == ["picture"]
    print("ok the superblob holds a blob for 1 to 16 SHAVEs, by depthai and by bsdiff4")
    image = found.networkInputs["image"]
    check_names_and_messages()
    print("ok image", image.dims, image.dataType, "picture", found.networkOutputs["picture"].dims)


main()
