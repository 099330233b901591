"""Makes pytorch.json beside this file: figures by PyTorch that the tests hold ours against.

    python make.py DATA MICROAST

DATA is the folder of data (weights/, reference/); MICROAST a checkout of EndyWon/MicroAST, whose own code paints.
Pictures are drawn by a formula, so nothing but numbers is kept.
"""
import json, math, pathlib, sys
import numpy as np, torch, torch.nn.functional as F
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


def gram_distance(a, b, centred):
    """Mean over layers of |A - B| / (|A| + |B|)."""
    def matrix(f):
        f = f[0].flatten(1).double()
        f = f - f.mean(1, keepdim=True) if centred else f
        return f @ f.T / f.shape[1]

    pairs = [(matrix(f), matrix(g)) for f, g in zip(a, b)]
    return sum(((p - q).norm() / (p.norm() + q.norm())).item() for p, q in pairs) / len(pairs)


def luma(x):
    return (x.double() * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[None, :, None, None]).sum(1, keepdim=True)


def detail(x):
    """Grey minus its blur of sigma 12 px, plus 0.5; taps up to 36 px, which sum to 1 inside the picture."""
    taps = torch.exp(-torch.arange(-36, 37, dtype=torch.float64) ** 2 / (2 * 12.0 ** 2))
    window = taps[:, None] * taps[None, :]
    grey = luma(x)
    blur = lambda y: F.conv2d(y, window[None, None], padding=36)
    return (grey - blur(grey) / blur(torch.ones_like(grey)) + 0.5).float().repeat(1, 3, 1, 1)


def drawn_directions(count, channels):
    """[count, channels] of unit length, by a formula."""
    d = torch.tensor([[math.sin(1.7 * k + 0.9 * c * (k + 1)) + 0.3 for c in range(channels)] for k in range(count)], dtype=torch.float64)
    return d / d.norm(dim=1, keepdim=True)


def fixed_directions(count, channels):
    """[count, channels]: SplitMix64, Box and Muller, unit length."""
    state = 0x5EED ^ channels

    def unit():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return ((z ^ z >> 31) >> 40) / 2**24

    def normal():
        radius, angle = 1 - unit(), unit()
        return math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * angle)

    d = torch.tensor([[normal() for _ in range(channels)] for _ in range(count)], dtype=torch.float64)
    return d / d.norm(dim=1, keepdim=True)


def transport(a, b, directions, count):
    """Mean over layers, in deviations of `b`'s projections, quantiles at the middles of 1024 equal parts."""
    found = []
    for f, g in zip(a, b):
        quantiles = []
        for x in (f, g):
            z = directions(count, x.shape[1]) @ x[0].flatten(1).double()
            n, at = z.shape[1], (np.arange(1024) + 0.5) / 1024
            quantiles.append(np.stack([np.interp(at * n - 0.5, np.arange(n), np.sort(row)) for row in z.numpy()]))
        p, q = quantiles
        found.append(math.sqrt(((p - q) ** 2).mean() / q.var(axis=1).mean()))
    return sum(found) / len(found)


def structure(f, g):
    """Self-similarity at the middles of 32 x 32 equal cells, or at every place of smaller features."""
    rows = []
    for x in (f, g):
        x = x[0].double()
        ys, xs = ([(2 * k + 1) * n // (2 * min(n, 32)) for k in range(min(n, 32))] for n in x.shape[1:])
        x = x[:, ys][:, :, xs].flatten(1).T
        x = x / x.norm(dim=1, keepdim=True)
        d = 1 - x @ x.T
        rows.append(d / d.sum(1, keepdim=True))
    return ((rows[0] - rows[1]).abs().sum() / len(rows[0])).item()


def colours(a, b):
    """Hellinger distance of histograms of 8 bins a channel, pixels shared linearly among bins."""
    def histogram(x):
        at = x[0].flatten(1).clamp(0, 1).double() * 7
        weights = [(1 - (at[c][:, None] - torch.arange(8)[None, :]).abs()).clamp(min=0) for c in range(3)]
        return torch.einsum("ni,nj,nk->ijk", *weights) / at.shape[1]

    return math.sqrt(max(0, 1 - (histogram(a) * histogram(b)).sqrt().sum().item()))


def phase_variance(x):
    """Of 255 squared, mean over channels."""
    x = 255 * x[0].double()
    means = torch.stack([x[:, v::8, u::8].mean((1, 2)) for v in range(8) for u in range(8)])
    return means.var(0, correction=0).mean().item()


def boxes(x, radius):
    """Means of boxes, cut off at the border."""
    side = 2 * radius + 1
    return F.avg_pool2d(x, side, 1, radius, count_include_pad=False)


def lattice(l, flat_of):
    """The largest local maximum of the autocorrelation of `l` where `flat_of` is flat, by brute force; both [1, 1, H, W]."""
    variance = ((boxes(flat_of * flat_of, 16) - boxes(flat_of, 16) ** 2) * 1e7).round()[0, 0]
    limit = variance.flatten().sort().values[int((variance.numel() - 1) * 0.25)]
    m = (variance <= limit).double()
    h, w = m.shape
    sums, counts = boxes(m[None, None] * l, 24)[0, 0], boxes(m[None, None], 24)[0, 0]
    z = torch.where(m > 0, l[0, 0] - sums / counts, torch.zeros_like(m))
    reach_v, reach_u = min(66, h - 1), min(66, w - 1)
    found = torch.full((2 * reach_v + 1, 2 * reach_u + 1), -9.0, dtype=torch.float64)
    for v in range(-reach_v, reach_v + 1):
        for u in range(-reach_u, reach_u + 1):
            here = (slice(max(0, -v), min(h, h - v)), slice(max(0, -u), min(w, w - u)))
            there = (slice(max(0, v), min(h, h + v)), slice(max(0, u), min(w, w + u)))
            both = m[here] * m[there]
            a, b = z[here] * both, z[there] * both
            scale = (a.square().sum() * b.square().sum()).sqrt()
            if both.sum() >= 0.125 * m.sum() and scale > 0:
                found[v + reach_v, u + reach_u] = (a * b).sum() / scale
    peaks = F.max_pool2d(found[None, None], 5, 1, 2)[0, 0]
    lags = torch.maximum(torch.arange(-reach_v, reach_v + 1).abs()[:, None], torch.arange(-reach_u, reach_u + 1).abs()[None, :])
    near = (found == peaks) & (lags >= 4) & (lags <= 64)
    return max(0.0, found[near].max().item())


def seen_as_paint():
    """Figures of a drawn pastiche, photo and painting, and of drawn features."""
    pastiche, photo, painting = (picture(80, 96, p) for p in (1.1, 0.3, 1.9))
    drawn = lambda p: [picture(40, 33, p), picture(17, 20, p + 0.4)]
    grey = {"detail": sampled(detail(photo)), "phase_variance": phase_variance(pastiche), "colours": colours(pastiche, painting)}
    return grey | {
        "lattice": lattice(luma(pastiche), luma(photo)),
        "gram_distance": gram_distance(drawn(0.3), drawn(1.9), False),
        "centred_distance": gram_distance(drawn(0.3), drawn(1.9), True),
        "transport": transport(drawn(0.3), drawn(1.9), drawn_directions, 5),
        "structure": structure(picture(40, 33, 0.3), picture(40, 33, 1.9)),
    }


def left():
    """Parts of the photo's distance that are left, and structure, by the VGG; 96 x 80 px, painting 80 x 80."""
    pastiche, photo, painting = picture(80, 96, 1.1), picture(80, 96, 0.3), picture(80, 80, 1.9)
    [own, content, style] = [vgg(x) for x in (pastiche, photo, painting)]
    texture = [vgg(detail(x))[:3] for x in (pastiche, photo, painting)]
    part = lambda distance, own, content, style: distance(own, style) / distance(content, style)
    return {
        "gram_left": part(lambda a, b: gram_distance(a, b, False), own, content, style),
        "texture_left": part(lambda a, b: gram_distance(a, b, True), *texture),
        "transport_left": part(lambda a, b: transport(a[1:], b[1:], fixed_directions, 64), own, content, style),
        "structure": structure(own[2], content[2]),
    }


a, b, c = picture(64, 64, 0.3), picture(64, 64, 1.9), picture(48, 72, 0.7)
painting = microast(a, b)
content_loss, style_loss = losses(picture(64, 64, 1.1), a, b)
found = {
    "ssim": ssim(a, picture(64, 64, 0.5)),
    "content_loss": content_loss,
    "style_loss": style_loss,
    "drawn": seen_as_paint(),
    "left": left(),
    "microast": sampled(painting),
    "microast_of_another_shape": sampled(microast(c, picture(52, 44, 2.5))),
}
(pathlib.Path(__file__).parent / "pytorch.json").write_text(json.dumps(found, indent=1) + "\n")
