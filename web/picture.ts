import type { PictureFacts } from './facts.ts';

/** Unpacked, a picture of more pixels could exhaust a browser, however small its file. */
const mostPixels = 64e6;

/**
 * Returns the kind of a picture and its size in pixels, by its header. Null where it is none, or too large to
 * show.
 */
export function pictureOf(bytes: Uint8Array): Pick<PictureFacts, 'mime' | 'width' | 'height'> | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = png(view) ?? gif(view) ?? jpeg(view);
  if (found === null || found.width * found.height > mostPixels || found.width * found.height === 0)
    return null;
  return found;
}

type Found = Pick<PictureFacts, 'mime' | 'width' | 'height'> | null;

function png(view: DataView): Found {
  if (view.byteLength < 24 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a)
    return null;
  return { mime: 'image/png', width: view.getUint32(16), height: view.getUint32(20) };
}

function gif(view: DataView): Found {
  if (view.byteLength < 10 || view.getUint32(0) !== 0x47494638) return null;
  return { mime: 'image/gif', width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** Walks the segments up to the frame header, which holds the size. */
function jpeg(view: DataView): Found {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { mime: 'image/jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}
