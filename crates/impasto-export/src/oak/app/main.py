#!/usr/bin/env python3
"""Paints what an OAK camera (RVC2, such as the OAK-1) sees; the network runs on the camera.

In a browser (default): the picture is at http://localhost:8082; type a style's number or name in the terminal.
From Impasto (--pipe chip|host): frames and styles cross standard output and input; see utils/pipe.py.
"""
import json
import os
import sys
import threading
from pathlib import Path

# DepthAI reports usage to its maker unless told otherwise; it must be told before it is imported.
os.environ.setdefault("DEPTHAI_TELEMETRY", "0")

from utils.arguments import initialize_argparser  # noqa: E402
from utils.pipe import Failure, Pipe  # noqa: E402

FOLDER = Path(__file__).resolve().parent


def import_depthai():
    try:
        import depthai
        import numpy  # noqa: F401
    except ImportError as error:
        raise Failure("depthai_missing", f"{sys.executable} lacks a package ({error})") from error
    if int(depthai.__version__.split(".")[0]) < 3:
        raise Failure("depthai_missing", f"{sys.executable} has depthai {depthai.__version__}, and 3 is needed")
    return depthai


def style_from_keyboard(styles, send):
    """Reads numbers or names from the terminal until its end."""
    names = list(styles)
    for line in sys.stdin:
        word = line.strip()
        name = names[int(word) - 1] if word.isdigit() and 1 <= int(word) <= len(names) else word
        if name in styles:
            send(styles[name])
            print(f"style: {name}")
        elif word:
            print(f"no style is called {word}; there are {', '.join(names)}")


def show_in_browser(dai, config, args):
    from utils.painter import Painter
    from utils.styles import load_styles

    styles = load_styles(FOLDER / "styles", config)
    names = list(styles)
    if args.style is not None and args.style not in styles:
        raise Failure("other", f"no style is called {args.style}; there are {', '.join(names)}")
    visualizer = dai.RemoteConnection(address=args.address, httpPort=8082)
    with Painter(dai, FOLDER, config, args, mode="chip") as painter:
        picture = visualizer.addTopic("Picture", "images")
        painter.send_style(styles[args.style or names[0]])
        visualizer.registerPipeline(painter.pipeline)
        print(f"http://localhost:8082   styles: {', '.join(f'{i + 1} {n}' for i, n in enumerate(names))}")
        keyboard = threading.Thread(target=style_from_keyboard, args=(styles, painter.send_style), daemon=True)
        keyboard.start()
        for _time, rgb in painter.frames():
            if rgb is not None:
                picture.send(painter.image_message(rgb))
            if visualizer.waitKey(1) == ord("q"):
                break


def serve_pipe(config, args):
    """Speaks with Impasto; everything that is printed must go to standard error."""
    pipe = Pipe()
    try:
        dai = import_depthai()
        from utils.painter import Painter

        with Painter(dai, FOLDER, config, args, mode=args.pipe) as painter:
            width, height = painter.size
            pipe.hello(config, dai.__version__, args.pipe, width, height)
            pipe.listen(painter.send_style if args.pipe == "chip" else None)
            for time_us, rgb in painter.frames():
                if pipe.stopped:
                    break
                pipe.frame(time_us, rgb) if rgb is not None else pipe.pulse()
    except Failure as failure:
        pipe.fail(failure)
        return 1
    except BrokenPipeError:
        return 0
    return 0


def main():
    config = json.loads((FOLDER / "app.json").read_text())
    _, args = initialize_argparser()
    if args.pipe:
        return serve_pipe(config, args)
    try:
        show_in_browser(import_depthai(), config, args)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
