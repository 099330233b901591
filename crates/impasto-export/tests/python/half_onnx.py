"""Simulates a chip of 16-bit floats in ONNX Runtime, for tests/half.rs.

usage: half_onnx.py FOLDER

FOLDER holds painter.onnx, encoder.onnx, painting.raw and 0.raw, 1.raw, ... (32-bit floats) and sizes.json:
{"painting": [h, w], "pictures": [h, w], "count": n}. The painter is run as it is, to N.single, and with every
constant and the result of every operation rounded to 16 bits, to N.half.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def in_half(model):
    """The same graph with a cast to 16 bits and back after every operation, and rounded constants."""
    graph = model.graph
    for constant in graph.initializer:
        if constant.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(constant).astype(np.float16).astype(np.float32)
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    ends = {output.name for output in graph.output}
    nodes, renamed = [], {}

    def rounded(value, name):
        nodes.append(helper.make_node("Cast", [value], [f"{name}/16"], to=TensorProto.FLOAT16))
        nodes.append(helper.make_node("Cast", [f"{name}/16"], [name], to=TensorProto.FLOAT))

    for value in graph.input:
        rounded(value.name, f"{value.name}/rounded")
        renamed[value.name] = f"{value.name}/rounded"
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
        outputs = list(node.output)
        for i, name in enumerate(outputs):
            node.output[i] = f"{name}/exact"
        nodes.append(node)
        for name in outputs:
            rounded(f"{name}/exact", name)
    assert ends <= {name for node in nodes for name in node.output}
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def session(model):
    options = onnxruntime.SessionOptions()
    # An optimiser might remove pairs of casts.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main():
    folder = Path(sys.argv[1])
    sizes = json.loads((folder / "sizes.json").read_text())

    def picture(name, size):
        return np.fromfile(folder / f"{name}.raw", np.float32).reshape(1, 3, *size)

    encoder = session(onnx.load(folder / "encoder.onnx"))
    style = encoder.run(None, {"image": picture("painting", sizes["painting"])})[0]
    single = session(onnx.load(folder / "painter.onnx"))
    half = session(in_half(onnx.load(folder / "painter.onnx")))
    for i in range(sizes["count"]):
        inputs = {"image": picture(i, sizes["pictures"]), "style": style}
        for name, run in (("single", single), ("half", half)):
            run.run(None, inputs)[0].astype(np.float32).tofile(folder / f"{i}.{name}")


main()
