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
from pathlib import Path  # noqa: E402

import bsdiff4  # noqa: E402
import depthai as dai  # noqa: E402
from luxonis_ml.nn_archive import is_nn_archive  # noqa: E402
from luxonis_ml.nn_archive.config import Config  # noqa: E402


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
    print("ok image", image.dims, image.dataType, "picture", found.networkOutputs["picture"].dims)


main()
