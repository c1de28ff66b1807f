import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { createUiDoor } from '../../workers/ui-door.ts';

const host = '127.83.12.201';

/** A UI at an address of its own, and the door to it. */
async function uiBehindDoor(): Promise<number> {
  const ui = createServer((asked, answer) => {
    let body = '';
    asked.on('data', (chunk) => (body += String(chunk))).on('end', () => answer.end(`${asked.url} ${body}`));
  }).listen(0, host);
  await once(ui, 'listening');
  const address = ui.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  const door = createUiDoor(address.port, () => host);
  door.open();
  onTestFinished(() => {
    door.close();
    ui.close();
  });
  return address.port;
}

const answerOf = (port: number, headers: Record<string, string>, body = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/x?y=1', method: 'POST', headers }, (answer) => {
      let said = '';
      answer
        .on('data', (chunk) => (said += String(chunk)))
        .on('end', () => resolve(`${answer.statusCode} ${said}`));
    });
    asked.on('error', reject).end(body);
  });

it('the UI is for this machine: whoever asks under another name, or from another site, gets nothing', async () => {
  const port = await uiBehindDoor();
  for (const name of [`localhost:${port}`, `127.0.0.1:${port}`, 'localhost'])
    expect(await answerOf(port, { host: name }, 'body')).toBe('200 /x?y=1 body');
  expect(await answerOf(port, { host: 'localhost', origin: `http://localhost:${port}` })).toBe('200 /x?y=1 ');
  for (const name of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.2'])
    expect(await answerOf(port, { host: name })).toBe(`403 expected to be asked as localhost:${port}\n`);
  for (const origin of ['http://evil.example', 'null', 'https://localhost.evil.example'])
    expect(await answerOf(port, { host: 'localhost', origin })).toMatch(/^403 /);
});
