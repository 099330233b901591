"""Runs every graph of a folder and writes what it gives, for tests/runtimes.rs.

usage: run_onnx.py RUNTIME FOLDER      RUNTIME is onnx, onnxruntime, openvino or opencv

FOLDER/jobs.json lists jobs: `model` (file), `inputs` (name -> {file, shape}), `output` (file to write,
32-bit floats). The runtime `onnx` checks the files only: its own checker with full shape inference.
"""
import json
import sys
from pathlib import Path

import numpy as np


def run_onnxruntime(model, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def run_openvino(model, inputs):
    import openvino

    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(model), "CPU", hint)
    return compiled(inputs)[compiled.output(0)]


def run_opencv(model, inputs):
    import cv2

    network = cv2.dnn.readNetFromONNX(str(model))
    for name, value in inputs.items():
        network.setInput(value, name)
    return network.forward()


def check_onnx(model, _inputs):
    import onnx

    onnx.checker.check_model(str(model), full_check=True)
    return None


def main():
    runtime, folder = sys.argv[1], Path(sys.argv[2])
    runs = {"onnx": check_onnx, "onnxruntime": run_onnxruntime, "openvino": run_openvino, "opencv": run_opencv}
    run = runs[runtime]
    for job in json.loads((folder / "jobs.json").read_text()):
        inputs = {
            name: np.fromfile(folder / i["file"], np.float32).reshape(i["shape"])
            for name, i in job["inputs"].items()
        }
        output = run(folder / job["model"], inputs)
        if output is not None:
            np.ascontiguousarray(output, np.float32).tofile(folder / job["output"])


main()
