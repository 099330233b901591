"""What can be typed, with the names that Luxonis' own examples use."""
import argparse


def initialize_argparser():
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Paints what an OAK camera sees; the network runs on the camera.",
    )
    parser.add_argument("-d", "--device", help="Id or IP address of the camera; the first one found if left out.")
    parser.add_argument(
        "-fps", "--fps_limit", "--fps-limit", type=float, default=30.0, help="Most frames per second of the camera."
    )
    parser.add_argument(
        "-media", "--media_path", "--media-path", help="A video file to paint instead of what the camera sees."
    )
    parser.add_argument("-s", "--style", help="Name of the style to begin with; the first one if left out.")
    parser.add_argument(
        "--address", default="127.0.0.1", help="Where the browser view listens; 0.0.0.0 lets others see it."
    )
    parser.add_argument(
        "--pipe", choices=["chip", "host"],
        help="Used by `impasto live --camera oak`: messages on standard output. chip: the camera paints; "
        "host: it only films.",
    )
    return parser, parser.parse_args()
