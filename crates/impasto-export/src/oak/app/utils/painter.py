"""The camera, the network on its chip, and the way of pictures and styles between them and us."""
import time
from datetime import timedelta

import numpy as np

from utils.pipe import Failure

# Rows: R, G, B from Y, U, V (BT.601, full range; U and V around 0).
RGB_FROM_YUV = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
QUIET = timedelta(milliseconds=250)


def rgb_from_planes(planes):
    """[3, H, W] in 0..255 to [H, W, 3] bytes."""
    return np.clip(planes.transpose(1, 2, 0) + 0.5, 0, 255).astype(np.uint8)


def rgb_from_yuv420(planes):
    """[6, H/2, W/2] (Y of the block's four pixels, U, V) to [H, W, 3] bytes."""
    _, half_height, half_width = planes.shape
    y = np.empty((2 * half_height, 2 * half_width), np.float32)
    for phase in range(4):
        y[phase // 2 :: 2, phase % 2 :: 2] = planes[phase]
    u, v = (planes[4 + k].astype(np.float32).repeat(2, 0).repeat(2, 1) for k in range(2))
    return rgb_from_planes(np.tensordot(RGB_FROM_YUV, np.stack([y, u, v]), 1))


class Painter:
    """A pipeline on an open camera. `mode` is chip (the network paints) or host (the camera films)."""

    def __init__(self, dai, folder, config, args, mode):
        self.dai, self.config, self.mode = dai, config, mode
        self.archive = folder / (config["archive"] or config["archive_expected"])
        if mode == "chip" and not self.archive.exists():
            raise Failure("no_network", f"{self.archive.name} is not in models/: the network is not compiled yet")
        size = config["picture"] if mode == "chip" else config["image"]
        self.size = size["width"], size["height"]
        try:
            self.device = dai.Device(dai.DeviceInfo(args.device)) if args.device else dai.Device()
        except RuntimeError as error:
            raise Failure("no_camera", f"no OAK camera answers ({error})") from error
        self.pipeline = dai.Pipeline(self.device)
        self._build(args)

    def __enter__(self):
        self.pipeline.start()
        return self

    def __exit__(self, *_):
        self.pipeline.stop()
        self.device.close()

    def _build(self, args):
        dai = self.dai
        image = self.config["image"]["width"], self.config["image"]["height"]
        film = self._film(args, image)
        if self.mode == "host":
            self.pictures = film.createOutputQueue(maxSize=1, blocking=False)
            return
        network = self.pipeline.create(dai.node.NeuralNetwork)
        network.setNNArchive(dai.NNArchive(str(self.archive)))
        network.setNumInferenceThreads(2)
        film.link(network.inputs["image"])
        network.inputs["image"].setBlocking(False)
        network.inputs["image"].setMaxSize(1)
        # One style paints many frames: the last one sent is used again.
        network.inputs["style"].setReusePreviousMessage(True)
        self.styles = network.inputs["style"].createInputQueue(maxSize=2, blocking=False)
        self.pictures = network.out.createOutputQueue(maxSize=1, blocking=False)

    def _film(self, args, image):
        """Frames of `image` px: planes for the chip, interleaved for the host."""
        dai = self.dai
        kind = dai.ImgFrame.Type.RGB888p if self.mode == "chip" else dai.ImgFrame.Type.RGB888i
        if args.media_path:
            replay = self.pipeline.create(dai.node.ReplayVideo)
            replay.setReplayVideoFile(args.media_path)
            replay.setOutFrameType(dai.ImgFrame.Type.NV12)
            replay.setFps(args.fps_limit)
            replay.setLoop(True)
            manip = self.pipeline.create(dai.node.ImageManip)
            manip.initialConfig.setOutputSize(*image)
            manip.initialConfig.setFrameType(kind)
            manip.setMaxOutputFrameSize(3 * image[0] * image[1])
            replay.out.link(manip.inputImage)
            return manip.out
        camera = self.pipeline.create(dai.node.Camera).build()
        return camera.requestOutput(image, type=kind, fps=args.fps_limit)

    def send_style(self, vector):
        """Paints with this style from the next frame on."""
        message = self.dai.NNData()
        values = np.asarray(vector, np.float16).reshape(1, -1, 1, 1)
        message.addTensor("style", values, dataType=self.dai.TensorInfo.DataType.FP16)
        self.styles.send(message)

    def frames(self):
        """Yields (time in us, [H, W, 3] bytes), and (time, None) whenever nothing came for a moment."""
        while self.pipeline.isRunning():
            try:
                message = self.pictures.get(QUIET)
            except RuntimeError as error:
                raise Failure("camera_lost", f"the camera is gone ({error})") from error
            now = time.monotonic_ns() // 1000
            yield now, None if message is None else self._picture(message)
        raise Failure("camera_lost", "the camera has stopped")

    def _picture(self, message):
        if self.mode == "host":
            width, height = self.size
            return np.asarray(message.getData(), np.uint8)[: 3 * width * height].reshape(height, width, 3)
        planes = np.asarray(message.getTensor("picture"), np.float32)
        width, height = self.size
        if self.config["picture"]["head"] == "yuv420":
            return rgb_from_yuv420(planes.reshape(6, height // 2, width // 2))
        return rgb_from_planes(planes.reshape(3, height, width))

    def image_message(self, rgb):
        """A frame for the browser view."""
        message = self.dai.ImgFrame()
        message.setCvFrame(np.ascontiguousarray(rgb[:, :, ::-1]), self.dai.ImgFrame.Type.BGR888i)
        return message
