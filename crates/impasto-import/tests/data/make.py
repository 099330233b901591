"""Makes the small .pth files of this folder: random numbers only, both formats, and what must be refused.

    python make.py        needs torch and safetensors; written with torch 2.15

`zoo.safetensors` holds what every zoo_*.pth must read as, in f32.
"""

import collections
import os
import pathlib
import pickle
import zipfile

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def zoo():
    """One tensor of each kind a reader must get right."""
    torch.manual_seed(7)
    flat = torch.randn(24)
    matrix = torch.randn(3, 5)
    return collections.OrderedDict(
        plain=torch.randn(2, 3, 3, 3),
        half=torch.randn(5).half(),
        bfloat=torch.randn(5).bfloat16(),
        double=torch.randn(5).double(),
        transposed=matrix.t(),
        every_other=torch.randn(4, 6)[:, 1::2],
        shared_front=flat[:8].view(2, 4),
        shared_back=flat[8:],
        expanded=torch.randn(3, 1).expand(3, 4),
        scalar=torch.tensor(1.25),
        empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.randn(2, 2)),
    )


def save(value, name, zipped, **options):
    torch.save(value, HERE / name, _use_new_zipfile_serialization=zipped, **options)


class Attack:
    """What a hostile file does: asks the reader to call a function."""

    def __reduce__(self):
        return os.system, ("echo this file has taken over",)


def main():
    tensors = zoo()
    expected = {name: t.detach().float().contiguous() for name, t in tensors.items()}
    save_file(expected, HERE / "zoo.safetensors")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    nested = {"epoch": 3, "lr": 1e-4, "net": {"module": net.state_dict()}, "history": [torch.zeros(2)]}
    broken = {"weight": torch.tensor([0.0, float("nan"), 1.0])}
    for zipped, kind in [(True, "zip"), (False, "legacy")]:
        save(tensors, f"zoo_{kind}.pth", zipped)
        save(nested, f"nested_{kind}.pth", zipped)
        save(broken, f"nan_{kind}.pth", zipped)
        save({"weight": torch.zeros(2), "extra": Attack()}, f"attack_{kind}.pth", zipped)
    save(tensors, "zoo_zip_protocol4.pth", True, pickle_protocol=4)
    save(net, "module_zip.pth", True)
    (HERE / "attack.pkl").write_bytes(pickle.dumps(Attack(), protocol=2))
    with zipfile.ZipFile(HERE / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb/data.pkl", bytes(1 << 20))
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), HERE / "torchscript.pth")


if __name__ == "__main__":
    main()
