#!/usr/bin/env python3
"""torchvision's VGG-19, plain and with batch normalisation, at random weights of a seed, and what its layers say: for tests/torchvision.rs.

    pip install torch torchvision safetensors
    python make_vgg.py FOLDER && IMPASTO_TORCHVISION=FOLDER cargo test --release -p impasto-train --test torchvision -- --nocapture

Too large to be kept (80 MB). Borders are reflected, as Impasto walks the network; torchvision's own zeros would differ along the edges.
"""
import pathlib
import sys

import torch
import torchvision
from safetensors.torch import save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
MEAN, STD = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
for name in ("vgg19", "vgg19_bn"):
    torch.manual_seed(7)
    network = getattr(torchvision.models, name)(weights=None).eval()
    # The classifier is not read, and large.
    network.classifier = torch.nn.Identity()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.3, 0.3), (module.running_mean, -0.5, 0.5), (module.running_var, 0.5, 2)):
                tensor.data.uniform_(low, high)
        if isinstance(module, torch.nn.Conv2d):
            module.bias.data.uniform_(-0.1, 0.1)
    torch.save(network.state_dict(), folder / f"{name}.pth")
    picture = torch.rand(3, 48, 64)
    x, said, relus = ((picture - MEAN) / STD)[None].double(), {"picture": picture}, []
    network = network.double()
    with torch.no_grad():
        for module in network.features:
            if isinstance(module, torch.nn.Conv2d):
                module.padding_mode = "reflect"
            x = module(x.clone())
            if isinstance(module, torch.nn.ReLU):
                relus.append(x)
            if len(relus) == 9:
                break
    for layer, index in (("conv1_1", 0), ("conv2_1", 2), ("conv3_1", 4), ("conv4_1", 8)):
        said[f"{layer}/features"] = relus[index][0].float().contiguous()
    save_file(said, folder / f"{name}.golden.safetensors")
    print(name, [tuple(v.shape) for v in said.values()])
