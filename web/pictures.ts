import { shortened } from './excerpt.ts';
import type { PictureFacts } from './facts.ts';
import { type Html, html } from './html.ts';

/** Returns a picture inside the page; small ones are enlarged without smoothing, so that their pixels can be seen. */
export function picture({ path, mime, width, height, base64 }: PictureFacts): Html {
  const className = Math.max(width, height) <= 160 ? 'pixels' : '';
  return html`<figure class="picture"><img src="data:${mime};base64,${base64}" width="${width}" height="${height}" alt="${shortened(path, 200)}" class="${className}" />
<figcaption><code>${shortened(path, 200)}</code> · ${width} × ${height}</figcaption></figure>`;
}

/** Returns all but the one that is on the first screen. */
export const gallery = (pictures: readonly PictureFacts[]): Html | null =>
  pictures.length === 0 ? null : html`<div class="gallery">${pictures.map(picture)}</div>`;
