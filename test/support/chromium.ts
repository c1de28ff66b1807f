import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { chromiumPath } from '../../setup/steps/chromium.mjs';

const Message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** A page in a browser without a window, driven by the browser's own protocol. */
export interface BrowserPage {
  open(url: string): Promise<void>;
  /** What an expression of JavaScript in the page comes to, once it is settled. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true. */
  until(expression: string): Promise<void>;
  /** A PNG of what is seen. */
  picture(): Promise<Buffer>;
  size(width: number, height: number, isPhone?: boolean): Promise<void>;
  send(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** What the page complained of: errors, warnings, refused requests. */
  complaints: string[];
  /** Every address that was asked for. */
  requests: string[];
  close(): Promise<void>;
}

/** Opens a browser. `graphics`: it draws WebGL in software, or has none. */
export async function openBrowser({ graphics = true } = {}): Promise<BrowserPage> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-browser-'));
  const drawing = graphics
    ? ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']
    : ['--disable-gpu', '--disable-3d-apis', '--disable-software-rasterizer'];
  const quiet = [
    '--no-first-run',
    '--disable-extensions',
    '--disable-background-networking',
    '--disable-dev-shm-usage',
    '--hide-scrollbars',
  ];
  const child = spawn(
    chromiumPath() ?? 'chromium',
    [
      '--headless=new',
      '--no-sandbox',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      ...drawing,
      ...quiet,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const port = await portOf(child);
  const pages = z
    .array(z.object({ type: z.string(), webSocketDebuggerUrl: z.string() }))
    .parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
  const socket = new WebSocket(pages.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  const page = pageOn(socket);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
  return {
    ...page,
    async close() {
      socket.close();
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function portOf(child: ChildProcess): Promise<string> {
  let said = '';
  for await (const piece of child.stderr ?? []) {
    said += String(piece);
    const [, port] = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
    if (port === undefined) continue;
    child.stderr?.on('data', () => undefined);
    child.stderr?.resume();
    return port;
  }
  throw new Error(`the browser did not start: ${said.slice(-2_000)}`);
}

function pageOn(socket: WebSocket): Omit<BrowserPage, 'close'> {
  const waiting = new Map<number, (message: z.infer<typeof Message>) => void>();
  const complaints: string[] = [];
  const requests: string[] = [];
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const message = Message.parse(JSON.parse(String(data)));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    const told = JSON.stringify(message.params ?? {});
    if (message.method === 'Runtime.exceptionThrown' || message.method === 'Log.entryAdded')
      complaints.push(told);
    if (message.method === 'Runtime.consoleAPICalled') complaints.push(told);
    if (message.method === 'Network.requestWillBeSent')
      requests.push(z.object({ request: z.object({ url: z.string() }) }).parse(message.params).request.url);
  });
  const send = (method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      count += 1;
      waiting.set(count, ({ result, error }) =>
        error === undefined ? resolve(result ?? {}) : reject(new Error(`${method}: ${error.message}`)),
      );
      socket.send(JSON.stringify({ id: count, method, params }));
    });
  const Evaluated = z.object({
    result: z.object({ value: z.unknown().optional() }),
    exceptionDetails: z.unknown().optional(),
  });
  const evaluate = async (expression: string): Promise<unknown> => {
    const got = Evaluated.parse(
      await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }),
    );
    if (got.exceptionDetails !== undefined)
      throw new Error(`${expression}: ${JSON.stringify(got.exceptionDetails)}`);
    return got.result.value;
  };
  return {
    ...{ complaints, requests, send, evaluate },
    async open(url) {
      await send('Page.navigate', { url });
      await evaluate(
        'new Promise((done) => document.readyState === "complete" ? done() : addEventListener("load", () => done()))',
      );
    },
    until: async (expression) => {
      const end = Date.now() + 30_000;
      while ((await evaluate(`Boolean(${expression})`)) !== true) {
        if (Date.now() > end) throw new Error(`expected ${expression} within 30 s`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    picture: async () =>
      Buffer.from(
        z.object({ data: z.string() }).parse(await send('Page.captureScreenshot', { format: 'png' })).data,
        'base64',
      ),
    size: async (width, height, isPhone = false) => {
      await send('Emulation.setDeviceMetricsOverride', {
        width,
        height,
        deviceScaleFactor: isPhone ? 2 : 1,
        mobile: isPhone,
      });
      await send('Emulation.setTouchEmulationEnabled', { enabled: isPhone });
    },
  };
}
