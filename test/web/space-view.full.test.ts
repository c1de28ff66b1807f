import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spacesIn } from '../../record/space/spaces.ts';
import { chromiumPath } from '../../setup/steps/chromium.mjs';
import { createFileBlobs } from '../../store/file-blobs.ts';
import { renderReport } from '../../web/report.ts';
import { type BrowserPage, openBrowser } from '../support/chromium.ts';
import { reportOf, solveJob } from './example-facts.ts';

const hostileName = '"><img src=x onerror=alert(1)>.bin';
let folder: string;
let address: string;

/** A ring that is denser in its middle, and a tetrahedron. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-view-'));
  const blobs = createFileBlobs(join(folder, 'blobs'));
  const n = 48;
  const values = new Float32Array(n ** 3);
  for (let at = 0; at < values.length; at += 1) {
    const [x = 0, y = 0, z = 0] = [Math.floor(at / n / n), Math.floor(at / n) % n, at % n].map(
      (each) => (each - 23.5) / 24,
    );
    values[at] = 5 * Math.exp(-20 * ((Math.hypot(x, y) - 0.6) ** 2 + z * z));
  }
  const corners = ['0 0 0', '2 0 0', '0 2 0', '0 0 2'];
  const mesh = `${corners.map((each) => `v ${each}\n`).join('')}f 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n`;
  const outputs = {
    [hostileName]: await blobs.put(Buffer.from(values.buffer)),
    'corner.obj': await blobs.put(mesh),
  };
  const facts = reportOf({ ...solveJob, ...(await spacesIn(blobs, outputs)) });
  const file = join(folder, 'report.html');
  await writeFile(file, renderReport(facts));
  address = pathToFileURL(file).href;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Whether a machine without the browser can tell nothing of these. */
describe.skipIf(chromiumPath() === null)('the 3D views of a report in a browser', () => {
  let page: BrowserPage;
  afterAll(() => page.close());

  const shown = `document.querySelectorAll('figure.space[data-shown]').length === 2`;
  /** What a view shows, as the bytes of its canvas, once it rests. */
  const seen = async (index: number): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return String(
      await page.evaluate(`document.querySelectorAll('figure.space canvas')[${index}].toDataURL()`),
    );
  };
  /** How much of a view is not paper: the share of its pixels, and that of coloured ones. */
  const inked = async (index: number): Promise<number> =>
    Number(
      await page.evaluate(`(() => {
        const source = document.querySelectorAll('figure.space canvas')[${index}];
        const copy = Object.assign(document.createElement('canvas'), { width: source.width, height: source.height });
        const context = copy.getContext('2d');
        context.drawImage(source, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        let count = 0;
        for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) count += 1;
        return count / (data.length / 4);
      })()`),
    );
  const set = (index: number, control: string, value: string): Promise<unknown> =>
    page.evaluate(`(() => {
      const input = document.querySelectorAll('figure.space')[${index}].querySelector('[data-control=${control}]');
      input.value = ${JSON.stringify(value)};
      input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
    })()`);
  const drag = async (index: number): Promise<void> => {
    const { x, y } = (await page.evaluate(
      `(() => { const c = document.querySelectorAll('figure.space canvas')[${index}]; c.scrollIntoView({ block: 'center' }); const b = c.getBoundingClientRect(); return { x: b.x + b.width / 2, y: b.y + b.height / 2 }; })()`,
    )) as { x: number; y: number };
    for (const [type, far] of [
      ['mousePressed', 0],
      ['mouseMoved', 60],
      ['mouseMoved', 120],
      ['mouseReleased', 120],
    ] as const)
      await page.send('Input.dispatchMouseEvent', {
        type,
        x: x + far,
        y: y + far / 3,
        button: 'left',
        buttons: type === 'mouseReleased' ? 0 : 1,
        clickCount: 1,
      });
  };

  test('are turned, cut and shown from another level; nothing is asked for, and nothing complained of', async () => {
    page = await openBrowser();
    await page.size(1_000, 800);
    await page.open(address);
    await page.until(shown);
    const first = await seen(0);
    const filled = await inked(0);
    expect(filled).toBeGreaterThan(0.03);
    expect(filled).toBeLessThan(0.7);

    await drag(0);
    const turned = await seen(0);
    expect(turned).not.toBe(first);

    await set(0, 'level', '220');
    expect(await seen(0)).not.toBe(turned);
    // Less of it is above a higher level.
    expect(await inked(0)).toBeLessThan(filled);

    await set(0, 'level', '77');
    const whole = await seen(0);
    await set(0, 'cut', 'z');
    const cut = await seen(0);
    expect(cut).not.toBe(whole);
    await set(0, 'at', '90');
    expect(await seen(0)).not.toBe(cut);
    await set(0, 'mode', 'cloud');
    expect(await seen(0)).not.toBe(cut);
    await page.evaluate(`document.querySelector('.controls3d button').click()`);
    expect(await seen(0)).toBe(first);

    const tetrahedron = await seen(1);
    await drag(1);
    const other = await seen(1);
    expect(other).not.toBe(tetrahedron);
    await set(1, 'cut', 'x');
    expect(await seen(1)).not.toBe(other);
    expect(await inked(1)).toBeGreaterThan(0.01);

    expect(page.complaints).toEqual([]);
    expect(
      page.requests.filter((url) => url !== address && !url.startsWith('data:image/png;base64,')),
    ).toEqual([]);
    expect(await page.evaluate(`document.querySelectorAll('img[src=x]').length`)).toBe(0);
    expect(await page.evaluate(`document.querySelector('figure.space code').textContent`)).toBe(hostileName);
  });

  test('follow keys, and a wheel only once they are touched', async () => {
    const before = await seen(0);
    await page.evaluate(`document.querySelector('figure.space canvas').focus()`);
    await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'ArrowLeft' });
    expect(await seen(0)).not.toBe(before);
  });

  test('fit a phone, where a finger turns them', async () => {
    await page.size(390, 800, true);
    await page.open(address);
    await page.until(shown);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.evaluate(`document.querySelector('figure.space canvas').scrollIntoView({ block: 'center' })`);
    const before = await seen(0);
    expect(await inked(0)).toBeGreaterThan(0.02);
    const touch = (type: string, x: number) =>
      page.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [{ x, y: 400 }],
      });
    for (const [type, x] of [
      ['touchStart', 150],
      ['touchMove', 190],
      ['touchMove', 240],
      ['touchEnd', 240],
    ] as const)
      await touch(type, x);
    expect(await seen(0)).not.toBe(before);
    expect(page.complaints).toEqual([]);
  });
});

describe.skipIf(chromiumPath() === null)('where a browser draws no WebGL', () => {
  test('the picture stays, and it is said why', async () => {
    const page = await openBrowser({ graphics: false });
    try {
      await page.open(address);
      await page.until(`document.querySelector('.why-still').textContent !== ''`);
      expect(await page.evaluate(`document.querySelector('.why-still').textContent`)).toBe(
        'A picture, since this browser has no WebGL 2.',
      );
      expect(await page.evaluate(`document.querySelectorAll('figure.space > img').length`)).toBe(2);
      expect(await page.evaluate(`document.querySelector('figure.space > img').naturalWidth`)).toBe(480);
      expect(await page.evaluate(`document.querySelectorAll('.controls3d, canvas').length`)).toBe(0);
    } finally {
      await page.close();
    }
  });
});
