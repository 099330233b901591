"""Makes pytorch.json beside this file: figures by PyTorch that the tests hold ours against.

    python make.py DATA MICROAST

DATA is the folder of data (weights/, reference/); MICROAST a checkout of EndyWon/MicroAST, whose own code paints.
Pictures are drawn by a formula, so nothing but numbers is kept.
"""
import json, math, pathlib, sys
import torch, torch.nn.functional as F
from safetensors.torch import load_file

data, original = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(original))
torch.set_grad_enabled(False)


def picture(height, width, phase):
    """[1, 3, height, width] in 0..1."""
    value = lambda c, y, x: 0.5 + 0.3 * math.sin(0.31 * (c + 1) * x + phase) + 0.2 * math.cos(0.23 * y * (3 - c) - phase * x * 0.1)
    return torch.tensor([[[[value(c, y, x) for x in range(width)] for y in range(height)] for c in range(3)]], dtype=torch.float64).float()


def ssim(a, b):
    g = torch.exp(-(torch.arange(11, dtype=torch.float64) - 5) ** 2 / (2 * 1.5 ** 2))
    g = g / g.sum()
    window = (g[:, None] * g[None, :])[None, None]
    luma = lambda x: (x.double() * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[None, :, None, None]).sum(1, keepdim=True)
    blur = lambda x: F.conv2d(x, window)
    a, b = luma(a), luma(b)
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    return (((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))).mean().item()


def vgg(x):
    w = load_file(data / "weights/vgg19_normalised_relu4_1.safetensors")
    x = F.conv2d(x, w["conv0.weight"], w["conv0.bias"])
    seen = []
    for name in "1_1 1_2 P 2_1 2_2 P 3_1 3_2 3_3 3_4 P 4_1".split():
        if name == "P":
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            continue
        x = F.relu(F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), w[f"conv{name}.weight"], w[f"conv{name}.bias"]))
        if name.endswith("_1"):
            seen.append(x)
    return seen


def statistics(x):
    var, mean = torch.var_mean(x, (2, 3), correction=0)
    return mean, (var + 1e-5).sqrt()


def losses(painting, content, style):
    """Content loss to the AdaIN target, and style loss."""
    painting, content, style = vgg(painting), vgg(content), vgg(style)
    (mc, sc), (ms, ss) = statistics(content[3]), statistics(style[3])
    e = lambda v: v[..., None, None]
    target = (content[3] - e(mc)) / e(sc) * e(ss) + e(ms)
    pairs = [(p, q) for a, b in zip(painting, style) for p, q in zip(statistics(a), statistics(b))]
    return F.mse_loss(painting[3], target).item(), sum(F.mse_loss(p, q).item() for p, q in pairs)


def microast(content, style):
    import net_microAST as net

    model = net.TestNet(net.Encoder(), net.Encoder(), net.Modulator(), net.Decoder())
    model.load_state_dict(load_file(data / "reference/microast.safetensors"))
    return model.eval()(content, style)


def sampled(x):
    """Every 97th value, and the mean of all."""
    return {"shape": list(x.shape[1:]), "every_97th": x.flatten()[::97].tolist(), "mean": x.double().mean().item()}


a, b, c = picture(64, 64, 0.3), picture(64, 64, 1.9), picture(48, 72, 0.7)
painting = microast(a, b)
content_loss, style_loss = losses(picture(64, 64, 1.1), a, b)
found = {
    "ssim": ssim(a, picture(64, 64, 0.5)),
    "content_loss": content_loss,
    "style_loss": style_loss,
    "microast": sampled(painting),
    "microast_of_another_shape": sampled(microast(c, picture(52, 44, 2.5))),
}
(pathlib.Path(__file__).parent / "pytorch.json").write_text(json.dumps(found, indent=1) + "\n")
