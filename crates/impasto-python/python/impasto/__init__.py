"""Paint photos, films and the live camera in the style of any painting.

    import impasto
    from PIL import Image

    photo = Image.open("photo.jpg").convert("RGB")
    painted = impasto.Stylizer().paint(photo, "waves")      # uint8, [height, width, 3]
    Image.fromarray(painted).save("painted.png")

`Stylizer` holds a model and an engine, `Style` is the style of a painting, `Session` paints films and cameras, `styles()` names the
styles that are inside, `Error` is what goes wrong. The command `impasto` comes with this package: `impasto --help`.
"""

from ._native import Error, Session, Style, Stylizer, __version__, styles

__all__ = ["Error", "Session", "Style", "Stylizer", "__version__", "styles"]
