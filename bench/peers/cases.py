"""What is compared: models, sizes, threads, engines."""

from dataclasses import dataclass

OURS = ["impasto f32", "impasto f32 avx2", "impasto bf16"]
F32 = ["onnxruntime f32", "openvino f32", "pytorch f32"]
BF16 = ["openvino bf16", "pytorch bf16"]
INT8 = ["onnxruntime int8", "openvino int8"]


@dataclass(frozen=True)
class Case:
    model: str  # light, classic or student
    width: int
    height: int
    threads: int
    engines: tuple

    @property
    def size(self):
        return f"{self.width}x{self.height}"

    @property
    def key(self):
        return f"{self.model}/{self.size}/{self.threads}"


def matrix():
    """All cases, the most telling first. What a case leaves out lost clearly at a smaller size of the same model."""
    everything = tuple(OURS + F32 + BF16)
    with_int8 = (*everything, "impasto int8", *INT8)
    # At the largest size only the fastest two of each precision: a frame takes seconds there.
    fastest = ("impasto f32", "impasto bf16", "onnxruntime f32", "openvino f32", "openvino bf16")
    cases = []
    for threads in (1, 2):
        cases += [
            Case("classic", 512, 512, threads, everything),
            Case("light", 1280, 720, threads, with_int8),
            Case("student", 1280, 720, threads, everything),
            Case("light", 512, 288, threads, with_int8),
            Case("light", 1920, 1080, threads, with_int8),
            Case("classic", 256, 256, threads, everything),
            Case("classic", 1024, 1024, threads, fastest),
        ]
    return cases
