import { request as ask, createServer } from 'node:http';

/** Names under which a browser reaches this machine itself: no page of another site has one of them. */
const local = ['localhost', '127.0.0.1', '[::1]'];

const isLocal = (authority: string): boolean => {
  try {
    return local.includes(new URL(`http://${authority}`).hostname);
  } catch {
    return false;
  }
};

/**
 * Makes the way to the Temporal UI. What is asked for at 127.0.0.1 is handed on to the same port of `host`. Nobody can guess that
 * address. A page of another site gets nothing, also where its name points here, or it sends a form here. Neither its `Host` nor its
 * `Origin` is this machine. Taken where it is free; `open` is to be called again where it was not.
 */
export function createUiDoor(port: number, host: () => string | null): { open(): void; close(): void } {
  const door = createServer((request, response) => {
    const refuse = (status: number, why: string): void => {
      if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(`${why}\n`);
    };
    const { host: asked = '', origin } = request.headers;
    if (!isLocal(asked) || (origin !== undefined && !isLocal(origin.replace(/^https?:\/\//, ''))))
      return refuse(403, `expected to be asked as localhost:${port}`);
    const target = host();
    if (target === null) return refuse(502, 'no server runs');
    const { url, method, headers } = request;
    const passed = ask({ host: target, port, path: url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => refuse(502, 'the server does not answer'));
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  door.on('error', () => undefined);
  return {
    open: () => void (door.listening || door.listen(port, '127.0.0.1')),
    close: () => {
      door.close();
      door.closeAllConnections();
    },
  };
}
