"""An ONNX graph of ours as a PyTorch module: the few operators that `impasto export` writes."""

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

PAD_MODES = {b"reflect": "reflect", b"edge": "replicate", b"constant": "constant"}


class Graph(torch.nn.Module):
    """Takes the graph's inputs, gives its only output. Styles stay in f32 outside; everything follows the module's type inside."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.inputs = [i.name for i in graph.input]
        self.output = graph.output[0].name
        self.constants, self.names = {}, {}
        for tensor in graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            if value.is_floating_point() and value.dim() > 1:
                self.names[tensor.name] = name = f"w{len(self.names)}"
                self.register_parameter(name, torch.nn.Parameter(value, requires_grad=False))
            elif value.is_floating_point():
                self.names[tensor.name] = name = f"w{len(self.names)}"
                self.register_buffer(name, value)
            else:
                self.constants[tensor.name] = value.tolist()
        self.nodes = [(n.op_type, list(n.input), list(n.output), {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute})
                      for n in graph.node]

    def forward(self, *inputs):
        values = dict(zip(self.inputs, inputs))
        values |= {onnx_name: getattr(self, name) for onnx_name, name in self.names.items()}
        for kind, ins, outs, attributes in self.nodes:
            x = values[ins[0]]
            if kind == "Split":
                sizes = self.constants[ins[1]]
                values |= dict(zip(outs, torch.split(x, sizes, dim=attributes["axis"])))
                continue
            values[outs[0]] = self.apply(kind, x, ins, attributes, values)
        return values[self.output]

    def apply(self, kind, x, ins, attributes, values):
        if kind == "Conv":
            return F.conv2d(x, values[ins[1]], values[ins[2]], attributes["strides"], 0, 1, attributes["group"])
        if kind == "Relu":
            return F.relu(x)
        if kind == "Pad":
            _, _, top, left, _, _, bottom, right = self.constants[ins[1]]
            return F.pad(x, (left, right, top, bottom), PAD_MODES[attributes["mode"]])
        if kind == "Resize":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        if kind == "MaxPool":
            return F.max_pool2d(x, 2, 2, ceil_mode=True)
        if kind == "AveragePool":
            return F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
        if kind == "InstanceNormalization":
            return F.instance_norm(x, eps=attributes["epsilon"])
        if kind == "Slice":
            starts, ends, axes = (self.constants[i] for i in ins[1:4])
            for start, end, axis in zip(starts, ends, axes):
                x = x.narrow(axis, start, min(end, x.shape[axis]) - start)
            return x
        return {"Add": torch.add, "Mul": torch.mul, "Sub": torch.sub}[kind](x, values[ins[1]])
