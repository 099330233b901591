//! Reads the weight files people have (PyTorch .pth, safetensors) without executing anything in them.
