// Looks at the painted canvas of a page.

// A thumbnail of 32x18 px, RGBA.
export const look = (page) => page.evaluate((id) => {
  const small = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const context = small.getContext("2d");
  context.drawImage(document.getElementById(id), 0, 0, 32, 18);
  return [...context.getImageData(0, 0, 32, 18).data];
}, "painting");

// Mean difference of two thumbnails, of 255.
export const distance = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

// Mean red, green and blue of the painting: motion leaves them nearly as they are, another style does not.
export const tint = async (page) => {
  const pixels = await look(page);
  return [0, 1, 2].map((c) => pixels.reduce((sum, value, i) => (i % 4 === c ? sum + value : sum), 0) / (pixels.length / 4));
};

// Drops a picture of coloured stripes on the page.
export const dropPicture = (page) => page.evaluate(async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 256 });
  const context = canvas.getContext("2d");
  for (let i = 0; i < 64; i++) { context.fillStyle = `hsl(${i * 3}, 95%, 50%)`; context.fillRect((i % 8) * 32, (i >> 3) * 32, 32, 24); }
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], "stripes.png", { type: "image/png" }));
  window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
});

export const isPainted = 'document.getElementById("figures").textContent.includes("frames/s")';
