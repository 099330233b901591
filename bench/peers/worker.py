"""One peer in a process of its own: loads a model, paints a frame for each line that comes in.

usage: worker.py ENGINE PRECISION MODEL.onnx PICTURE.npy STYLE.npy THREADS FIRST.npy

Prints a line of JSON when the first frame is painted and written to FIRST.npy, then a line for each frame. Pictures are ready-made
planes of 32-bit floats: what it costs to make bytes of them and back is not counted for peers.
"""

import json
import sys
import time

import numpy as np


def onnxruntime(precision, model, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3
    if threads > 1:
        options.add_session_config_entry("session.intra_op_thread_affinities", ";".join(str(i + 1) for i in range(1, threads)))

    def load():
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda image, style: session.run(None, {"image": image, "style": style})[0]

    return load, ort.__version__


def openvino(precision, model, threads):
    import openvino as ov

    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": True,
        # What an 8-bit graph leaves in floating point is fastest in bf16.
        "INFERENCE_PRECISION_HINT": "f32" if precision == "f32" else "bf16",
    }

    def load():
        core = ov.Core()
        if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            hints["INFERENCE_PRECISION_HINT"] = "f32"
        request = core.compile_model(core.read_model(model), "CPU", hints).create_infer_request()
        return lambda image, style: request.infer({"image": image, "style": style}, share_inputs=True, share_outputs=True)["picture"]

    return load, ov.__version__


def pytorch(precision, model, threads):
    import torch
    from torch_graph import Graph

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32

    def load():
        graph = Graph(model).to(kind).to(memory_format=torch.channels_last).eval()
        image, style = (torch.from_numpy(np.load(p)).to(kind) for p in (sys.argv[4], sys.argv[5]))
        image = image.to(memory_format=torch.channels_last)
        with torch.no_grad():
            traced = torch.jit.freeze(torch.jit.trace(graph, (image, style), check_trace=False))
            traced = torch.jit.optimize_for_inference(traced)

        def paint(_image, _style):
            with torch.no_grad():
                return traced(image, style)

        return paint

    return load, torch.__version__


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


def main():
    engine, precision, model, picture, style, threads, first = sys.argv[1:]
    load, version = globals()[engine](precision, model, int(threads))
    image, style = np.load(picture), np.load(style)
    before = peak_bytes()
    started = time.perf_counter()
    paint = load()
    painted = paint(image, style)
    said = {"first_ms": (time.perf_counter() - started) * 1e3, "before_bytes": before, "version": version}
    np.save(first, np.asarray(painted.float() if hasattr(painted, "float") else painted, np.float32))
    print(json.dumps(said), flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        paint(image, style)
        print((time.perf_counter() - started) * 1e3, flush=True)


main()
