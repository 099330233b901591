// Pictures of this device as pixels.

// The pixels of a picture's file, upright, in sRGB, made smaller by `scale(width, height)`.
export async function imageOf(file, scale) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new Error(`${file.name} is no picture that this browser can read; take a JPEG, PNG, WebP or AVIF`);
  });
  const by = Math.min(1, scale(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * by)));
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  // What is not there is white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  return { width, height, pixels: context.getImageData(0, 0, width, height).data };
}

// The same with the longer side at most `side` px.
export const photoOf = (file, side) => imageOf(file, (width, height) => side / Math.max(width, height));
