import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Optional, Protocol, Union

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

class _AsArray(Protocol):
    """Such as a picture of PIL, or a CPU tensor of bytes."""

    def __array__(self, *args: Any, **kwargs: Any) -> npt.NDArray[Any]: ...

class _HasArrayInterface(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...

PictureLike = Union[Picture, _AsArray, _HasArrayInterface, str, os.PathLike[str]]
StyleLike = Union["Style", PictureLike]

__version__: str

class Error(ValueError):
    """Something that Impasto cannot do: it says what is wrong, and what to do."""

def styles() -> list[str]:
    """The names of the built-in styles, in the order in which they are shown."""

class Style:
    def __init__(
        self,
        what: StyleLike,
        *,
        name: Optional[str] = None,
        style_px: int = 512,
        stylizer: Optional[Stylizer] = None,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def tuned(self) -> bool: ...
    @property
    def vector(self) -> npt.NDArray[np.float32]: ...
    def toward(self, other: Style, t: float) -> Style: ...
    def save(self, path: Union[str, os.PathLike[str]]) -> None: ...
    def __mul__(self, weight: float) -> Style: ...
    def __rmul__(self, weight: float) -> Style: ...
    def __add__(self, other: Style) -> Style: ...

class Stylizer:
    def __init__(
        self,
        model: Union[str, os.PathLike[str]] = "light",
        *,
        engine: str = "auto",
        threads: int = 0,
        precision: str = "f32",
        adapter: Optional[str] = None,
        tile_px: int = 2048,
    ) -> None: ...
    @property
    def model(self) -> str: ...
    @property
    def engine(self) -> str: ...
    def paint(
        self,
        photo: PictureLike,
        style: StyleLike,
        *,
        strength: float = 1.0,
        keep_color: float = 0.0,
        strokes: float = 1.0,
        seed: int = 0,
        style_px: int = 512,
    ) -> Picture: ...
    def paint_regions(
        self,
        photo: PictureLike,
        regions: Sequence[tuple[npt.NDArray[Union[np.uint8, np.bool_]], StyleLike]],
        *,
        strength: float = 1.0,
        keep_color: float = 0.0,
        strokes: float = 1.0,
        seed: int = 0,
    ) -> Picture: ...
    def style(self, what: StyleLike, *, name: Optional[str] = None, style_px: int = 512) -> Style: ...
    def session(
        self,
        style: StyleLike,
        *,
        strength: float = 1.0,
        keep_color: float = 0.0,
        steady: float = 0.6,
        strokes: float = 1.0,
        seed: int = 0,
        style_px: int = 512,
    ) -> Session: ...

class Session:
    def paint(self, frame: PictureLike) -> Picture: ...
    def begin(self, frame: PictureLike) -> None: ...
    def finish(self) -> Optional[Picture]: ...
    @property
    def full(self) -> bool: ...
    def set(
        self,
        style: Optional[StyleLike] = None,
        *,
        strength: Optional[float] = None,
        keep_color: Optional[float] = None,
        steady: Optional[float] = None,
        strokes: Optional[float] = None,
        seed: Optional[int] = None,
        style_px: int = 512,
    ) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Session: ...
    def __exit__(
        self,
        kind: Optional[type[BaseException]] = None,
        error: Optional[BaseException] = None,
        trace: Optional[TracebackType] = None,
    ) -> None: ...
