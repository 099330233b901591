export interface Style { id: string; name: string; source: string }
export interface Settings {
  styles?: { id: string; weight: number }[];
  /** 0..1, from the picture to the style in full. */
  strength?: number;
  /** 0..1, from the painting's colours to the picture's. */
  keep_color?: number;
  /** 0..1, how calm a moving painting is held. */
  steady?: number;
  /** 1..4, how large strokes are. */
  brush?: number;
  /** Shorter side in px at which is painted, 64..1080; 0 follows the machine's speed. */
  resolution?: number;
}
export interface PainterOptions {
  /** Where paintings are shown; without it `paint` only gives them. */
  canvas?: HTMLCanvasElement | OffscreenCanvas;
  /** The style to begin with. */
  style?: string;
  /** Threads, where the page is isolated (COOP and COEP); by default one a processor, at most 8. */
  threads?: number;
  /** Whether relaxed SIMD may be used; its results differ in the last bits from machine to machine. */
  relaxed?: boolean;
  /** The address of this package's folder `files`, with a slash at its end. */
  base?: string | URL;
}
export interface Painter {
  styles: Style[];
  set(settings: Settings): Promise<Required<Settings>>;
  addStyle(painting: ImageBitmapSource, name?: string): Promise<string>;
  paint(source: HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | VideoFrame, longestSide?: number): Promise<ImageData>;
  close(): void;
}
export function createPainter(options?: PainterOptions): Promise<Painter>;
