// `npm install impasto vite`, copy node_modules/impasto/files to public/impasto, and `npx vite`.
import { createPainter } from "impasto";

const painter = await createPainter({ canvas: document.querySelector("canvas"), style: "waves", base: "/impasto/" });
const photo = Object.assign(new Image(), { src: "photo.jpg" });
await photo.decode();
await painter.paint(photo, 1280);
