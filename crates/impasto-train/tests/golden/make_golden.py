#!/usr/bin/env python3
"""Golden vectors for the trainer, computed by PyTorch in fp64 and stored in fp32.

    python make_golden.py golden.safetensors        (needs torch and safetensors; nothing else, no data)

Every tensor is drawn from one seeded generator, so the file is the same on every machine to fp32 rounding.
Names are CASE/NAME. Layouts: pictures and features [N, C, H, W]; convolution weights [out, in / groups, kh, kw];
style tensors [N, C]. In every layer case `gy` is the gradient that arrives at the output `y`, and `g_NAME` the gradient
of sum(y * gy) with respect to NAME. In every loss case `loss` is [1] and `g_NAME` is its gradient.
The file's metadata, key `cases`, is a JSON object: one line of explanation a case.
"""
import json
import sys
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20)
DT = torch.float64
EPS = 1e-5
out, notes = {}, {}


def rnd(*shape, scale=1.0, shift=0.0):
    # round through fp32 so that the reader starts from exactly these values
    return (torch.randn(*shape, dtype=DT) * scale + shift).float().to(DT)


def put(case, **tensors):
    for k, v in tensors.items():
        out[f"{case}/{k}"] = v.detach().float().reshape(v.shape if v.dim() else (1,)).contiguous().clone()


def layer(case, note, f, inputs):
    """Runs y = f(**inputs), sends a random gradient back and stores all of it."""
    notes[case] = note
    ins = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = f(**ins)
    gy = rnd(*y.shape)
    y.backward(gy)
    put(case, **inputs, y=y, gy=gy, **{"g_" + k: v.grad for k, v in ins.items()})


def loss(case, note, f, wrt, fixed=None):
    notes[case] = note
    fixed = fixed or {}
    ins = {k: v.clone().requires_grad_() for k, v in wrt.items()}
    value = f(**ins, **fixed)
    value.backward()
    put(case, **wrt, **fixed, loss=value, **{"g_" + k: v.grad for k, v in ins.items()})


def pad(x, mode, n=1):
    return F.pad(x, (n,) * 4) if mode == "zero" else F.pad(x, (n,) * 4, mode=mode)


# ---------------------------------------------------------------- layers
for stride in (1, 2):
    for mode in ("zero", "reflect", "replicate"):
        for name, (h, w) in (("odd", (7, 9)), ("even", (8, 6))):
            layer(f"conv3x3_s{stride}_{mode}_{name}", f"3x3, stride {stride}, one pixel of {mode} padding",
                  lambda x, weight, bias, m=mode, s=stride: F.conv2d(pad(x, m), weight, bias, s),
                  dict(x=rnd(2, 4, h, w), weight=rnd(3, 4, 3, 3, scale=0.3), bias=rnd(3)))
layer("conv3x3_groups2", "3x3, stride 1, replicate padding, 2 groups",
      lambda x, weight, bias: F.conv2d(pad(x, "replicate"), weight, bias, groups=2),
      dict(x=rnd(1, 4, 5, 6), weight=rnd(6, 2, 3, 3, scale=0.3), bias=rnd(6)))
layer("conv3x3_wide", "3x3, stride 1, replicate padding, 32 to 16 channels: fills a vector and a tile row",
      lambda x, weight, bias: F.conv2d(pad(x, "replicate"), weight, bias),
      dict(x=rnd(1, 32, 6, 5), weight=rnd(16, 32, 3, 3, scale=0.1), bias=rnd(16)))
layer("conv1x1", "1x1, stride 1", lambda x, weight, bias: F.conv2d(x, weight, bias),
      dict(x=rnd(2, 5, 4, 3), weight=rnd(6, 5, 1, 1, scale=0.4), bias=rnd(6)))
layer("linear", "a linear layer = 1x1 convolution on [C, 1, 1]", lambda x, weight, bias: F.conv2d(x, weight, bias),
      dict(x=rnd(3, 7, 1, 1), weight=rnd(5, 7, 1, 1, scale=0.4), bias=rnd(5)))
layer("relu", "plain ReLU; the gradient at 0 is 0", lambda x: F.relu(x), dict(x=rnd(2, 3, 4, 5)))
layer("maxpool2_ceil_odd", "2x2 max-pool, ceil: 7x5 to 4x3", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), dict(x=rnd(2, 3, 7, 5)))
layer("maxpool2_even", "2x2 max-pool: 6x4 to 3x2", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), dict(x=rnd(2, 3, 6, 4)))
layer("maxpool2_ties", "2x2 max-pool with equal values: the first in reading order takes the gradient",
      lambda x: F.max_pool2d(x, 2, 2), dict(x=(rnd(1, 2, 4, 4) > 0).to(DT)))
layer("upsample2", "nearest, times 2", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), dict(x=rnd(2, 3, 3, 4)))
layer("add", "a + b", lambda a, b: a + b, dict(a=rnd(2, 3, 3, 4), b=rnd(2, 3, 3, 4)))
layer("concat", "channels of a, then channels of b", lambda a, b: torch.cat([a, b], 1), dict(a=rnd(2, 3, 3, 4), b=rnd(2, 2, 3, 4)))
layer("scale", "x * 4 - 2", lambda x: x * 4 - 2, dict(x=rnd(2, 3, 3, 4)))


def e4(v):
    return v[..., None, None]


def adain(x, mean, std, correction=0, eps=EPS):
    var, mu = torch.var_mean(x, (2, 3), correction=correction)
    return (x - e4(mu)) / e4((var + eps).sqrt()) * e4(std) + e4(mean)


def mean_std(x, correction=0, eps=EPS):
    var, mu = torch.var_mean(x, (2, 3), correction=correction)
    return mu, (var + eps).sqrt()


style = lambda n, c: dict(mean=rnd(n, c), std=rnd(n, c).abs() + 0.2)
layer("adain_biased", "(x - mu) / sqrt(biased variance + 1e-5) * std + mean", adain, dict(x=rnd(2, 5, 6, 7, shift=0.5), **style(2, 5)))
layer("adain_unbiased", "the same with the unbiased variance (divisor n - 1)",
      lambda x, mean, std: adain(x, mean, std, 1), dict(x=rnd(2, 5, 6, 7, shift=0.5), **style(2, 5)))
layer("adain_flat", "a nearly flat channel: eps matters", adain, dict(x=rnd(1, 3, 4, 4, scale=2e-3, shift=1.0), **style(1, 3)))
layer("modulate", "x * gain + bias, no statistics", lambda x, gain, bias: x * e4(gain) + e4(bias),
      dict(x=rnd(2, 5, 3, 4), gain=rnd(2, 5, scale=0.3, shift=1.0), bias=rnd(2, 5)))
layer("mean_std", "[N, C, H, W] to [N, 2C]: all means, then all deviations sqrt(biased variance + 1e-5)",
      lambda x: torch.cat(mean_std(x), 1), dict(x=rnd(2, 5, 6, 7, shift=0.5)))

# a little network: every kind of join at once
def tiny(x, w1, w2, w3, mean, std):
    a = F.relu(F.conv2d(pad(x, "replicate"), w1, stride=2))
    b = F.relu(adain(F.conv2d(pad(a, "replicate"), w2), mean, std))
    c = a + b
    return F.conv2d(pad(F.interpolate(c, scale_factor=2, mode="nearest"), "replicate"), w3)


layer("tiny_network", "conv s2, relu, conv, AdaIN, relu, residual add, upsample, conv; no biases", tiny,
      dict(x=rnd(2, 3, 8, 8), w1=rnd(4, 3, 3, 3, scale=0.3), w2=rnd(4, 4, 3, 3, scale=0.3), w3=rnd(3, 4, 3, 3, scale=0.3), **style(2, 4)))

# ---------------------------------------------------------------- losses
feat = lambda: rnd(2, 6, 5, 4, scale=1.0).relu()
loss("content_mse", "mean over all elements of (y - target)^2", lambda y, target: F.mse_loss(y, target), dict(y=feat()), dict(target=feat()))
loss("style_mean_std", "MSE of the channel means plus MSE of the channel deviations (biased, eps 1e-5), each a mean over N and C",
     lambda y, mean, std: F.mse_loss(mean_std(y)[0], mean) + F.mse_loss(mean_std(y)[1], std), dict(y=feat()), style(2, 6))
loss("style_mean_std_sqrt", "sqrt(MSE of means + 1e-8) + sqrt(MSE of deviations + 1e-8)",
     lambda y, mean, std: (F.mse_loss(mean_std(y)[0], mean) + 1e-8).sqrt() + (F.mse_loss(mean_std(y)[1], std) + 1e-8).sqrt(), dict(y=feat()), style(2, 6))


def gram(x):
    n, c, h, w = x.shape
    f = x.reshape(n, c, h * w)
    return f @ f.transpose(1, 2) / (c * h * w)


loss("style_gram", "MSE of the Gram matrices F F^T / (C H W)", lambda y, gram_target: F.mse_loss(gram(y), gram_target), dict(y=feat()), dict(gram_target=gram(feat())))
loss("l1", "mean |y - target| (identity, noise stability)", lambda y, target: (y - target).abs().mean(), dict(y=rnd(2, 3, 4, 5)), dict(target=rnd(2, 3, 4, 5)))
loss("l1_both", "mean |a - b| with the gradient to both sides (noise stability)", lambda a, b: (a - b).abs().mean(), dict(a=rnd(1, 3, 4, 5), b=rnd(1, 3, 4, 5)))
loss("total_variation", "mean |y right - y| + mean |y below - y|",
     lambda y: (y[..., 1:] - y[..., :-1]).abs().mean() + (y[..., 1:, :] - y[..., :-1, :]).abs().mean(), dict(y=rnd(2, 3, 5, 6)))
loss("range", "mean of relu(y - 1)^2 + relu(-y)^2: keeps a picture inside 0..1",
     lambda y: (F.relu(y - 1) ** 2 + F.relu(-y) ** 2).mean(), dict(y=rnd(2, 3, 4, 5)))
LUMA = torch.tensor([0.299, 0.587, 0.114], dtype=DT)[None, :, None, None]
luma = lambda x: (x * LUMA).sum(1, keepdim=True)


def ssim_box(y, x, k=8, s=2):
    f = lambda v: F.avg_pool2d(v, k, s)
    p, q = luma(y), luma(x)
    ma, mb = f(p), f(q)
    va, vb, cov = f(p * p) - ma * ma, f(q * q) - mb * mb, f(p * q) - ma * mb
    return 1 - ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))).mean()


pic = lambda n, h, w: torch.rand(n, 3, h, w, dtype=DT).float().to(DT)
loss("ssim_box8", "1 - mean SSIM of luma (.299 .587 .114), box windows of 8x8 at stride 2, no padding, C1 1e-4, C2 9e-4", ssim_box, dict(y=pic(2, 16, 20)), dict(x=pic(2, 16, 20)))


def laplacian(y, x):
    k = torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=DT)[None, None]
    f = lambda v: F.conv2d(F.avg_pool2d(luma(v), 2), k)
    return (f(y) - f(x)).abs().mean()


loss("laplacian", "mean |L(y) - L(x)|, L = 4-neighbour Laplacian (no padding) of the luma averaged over 2x2", laplacian, dict(y=pic(1, 10, 12)), dict(x=pic(1, 10, 12)))


def ccpl(y, x, anchors, tau=0.07):
    # anchors [K, 2] (row, column), inside the rim; the 8 neighbours in reading order; one sample at a time
    offs = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    r, c = anchors[:, 0].long(), anchors[:, 1].long()
    total = 0
    for n in range(y.shape[0]):
        d = lambda f: F.normalize(torch.stack([f[n][:, r, c] - f[n][:, r + i, c + j] for i, j in offs], 2).flatten(1).t(), dim=1, eps=1e-12)
        logits = d(y) @ d(x).t() / tau
        total = total + F.cross_entropy(logits, torch.arange(len(logits)))
    return total / y.shape[0]


loss("ccpl", "contrastive coherence, no projection: differences of 4 anchors to their 8 neighbours (order: anchor, then neighbour), each "
     "divided by its length, logits = <d_y, d_x> / 0.07, cross entropy against the same place, mean over places and samples",
     ccpl, dict(y=rnd(2, 6, 7, 8)), dict(x=rnd(2, 6, 7, 8), anchors=torch.tensor([[1, 1], [3, 4], [5, 6], [2, 5]], dtype=DT)))


def warp(y, flow):
    n, _, h, w = y.shape
    gy, gx = torch.meshgrid(torch.arange(h, dtype=DT), torch.arange(w, dtype=DT), indexing="ij")
    px, py = gx + flow[:, 0], gy + flow[:, 1]
    grid = torch.stack([px / (w - 1) * 2 - 1, py / (h - 1) * 2 - 1], 3)
    return F.grid_sample(y, grid, mode="bilinear", padding_mode="border", align_corners=True)


loss("warp_l1", "synthetic flow: mean over all elements of |y(p + flow(p)) - moved|, bilinear, clamped at the border; flow [N, 2 (x, y), H, W] in pixels",
     lambda y, moved, flow: (warp(y, flow) - moved).abs().mean(), dict(y=rnd(1, 3, 6, 7), moved=rnd(1, 3, 6, 7)), dict(flow=rnd(1, 2, 6, 7, scale=1.5)))


def adain_target(f, m0, s0, m, s, kmax=5.0):
    k = (s / s0).clamp(max=kmax)
    return f * e4(k) + e4(m - m0 * k)


notes["adain_target"] = "target features: f * k + (mean - mean0 * k), k = min(std / std0, 5); one channel clamps"
t = dict(f=feat(), mean0=rnd(2, 6), std0=rnd(2, 6).abs() + 0.05, mean=rnd(2, 6), std=rnd(2, 6).abs() + 0.3)
put("adain_target", **t, y=adain_target(t["f"], t["mean0"], t["std0"], t["mean"], t["std"]))

# ---------------------------------------------------------------- optimiser
for name, make in (("adam", lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-8)),
                   ("adamw", lambda p: torch.optim.AdamW(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1))):
    notes[name] = "lr 1e-2, betas 0.9 0.99, eps 1e-8 (added outside the root), decay 0.1 for adamw: parameter after each of 5 steps"
    p = rnd(7).requires_grad_()
    g = rnd(5, 7)
    opt, rows = make([p]), []
    put(name, start=p.clone(), grads=g)
    for i in range(5):
        p.grad = g[i].clone()
        opt.step()
        rows.append(p.detach().clone())
    put(name, after=torch.stack(rows))

notes["clip_norm"] = "global norm over all gradients, limit 1: g * min(1, 1 / (norm + 1e-6))"
a, b = rnd(3, 4).requires_grad_(), rnd(5).requires_grad_()
a.grad, b.grad = rnd(3, 4), rnd(5)
put("clip_norm", a=a.grad, b=b.grad)
norm = torch.nn.utils.clip_grad_norm_([a, b], 1.0)
put("clip_norm", norm=norm, clipped_a=a.grad, clipped_b=b.grad)

# ---------------------------------------------------------------- later cases: what stands above keeps its numbers
for name, (h, w) in (("odd", (7, 5)), ("even", (6, 4)), ("one", (1, 3))):
    layer(f"avgpool2_{name}", "2x2 mean, ceil; windows over the edge take the mean of what there is",
          lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False), dict(x=rnd(2, 3, h, w)))

save_file(out, sys.argv[1] if len(sys.argv) > 1 else "golden.safetensors", metadata={"cases": json.dumps(notes)})
print(len(out), "tensors,", len(notes), "cases,", sum(v.numel() * 4 for v in out.values()), "bytes, torch", torch.__version__)
