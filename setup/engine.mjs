import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The Unix socket of the Docker engine that answers, or null. DOCKER_HOST decides where it names a socket; else the usual
 * places: the system's, a rootless engine's, Docker Desktop's.
 * @returns {Promise<string | null>}
 */
export async function engineSocket() {
  const named = process.env.DOCKER_HOST;
  const places = named
    ? [named.replace(/^unix:\/\//, '')]
    : [
        '/var/run/docker.sock',
        join(process.env.XDG_RUNTIME_DIR ?? '', 'docker.sock'),
        join(homedir(), '.docker/run/docker.sock'),
      ];
  for (const socket of places.filter((place) => existsSync(place))) {
    const answer = await call(socket, 'GET', '/_ping', { timeoutMs: 2000 }).catch(() => null);
    if (answer?.status === 200) return socket;
  }
  return null;
}

/**
 * One request to the engine's HTTP API. Throws only where the engine cannot be talked to; a refusal is an answer.
 * @param {string} socket
 * @param {'GET' | 'POST' | 'PUT' | 'DELETE'} method
 * @param {string} path with its query
 * @param {{ body?: import('node:stream').Readable | string, type?: string, timeoutMs?: number,
 *   onLine?: (line: string) => void, into?: import('node:stream').Writable }} [options]
 *   `body` with its content `type`; `timeoutMs` without a byte; `onLine` is given each line of the answer as it comes;
 *   `into` takes the answer's bytes instead of `text`
 * @returns {Promise<{ status: number, text: string }>}
 */
export function call(socket, method, path, { body, type, timeoutMs = 600_000, onLine, into } = {}) {
  return new Promise((resolve, reject) => {
    const headers = type ? { 'Content-Type': type } : {};
    const asked = request({ socketPath: socket, method, path, headers, timeout: timeoutMs }, (answer) => {
      const status = answer.statusCode ?? 0;
      answer.on('error', reject);
      if (into && status < 300) {
        answer
          .pipe(into)
          .on('finish', () => resolve({ status, text: '' }))
          .on('error', reject);
        return;
      }
      let text = '';
      let begun = '';
      answer.setEncoding('utf8');
      answer.on('data', (/** @type {string} */ part) => {
        text += part;
        const lines = (begun + part).split('\n');
        begun = lines.pop() ?? '';
        for (const line of lines) onLine?.(line);
      });
      answer.on('end', () => resolve({ status, text }));
    });
    asked.on('timeout', () =>
      asked.destroy(new Error(`the Docker engine at ${socket} said nothing for ${timeoutMs} ms`)),
    );
    asked.on('error', reject);
    if (typeof body === 'string' || body === undefined) asked.end(body);
    else body.on('error', (error) => asked.destroy(error)).pipe(asked);
  });
}

/**
 * Whether the engine has the image.
 * @param {string} socket
 * @param {string} tag
 * @returns {Promise<boolean>}
 */
export async function hasImage(socket, tag) {
  return (await call(socket, 'GET', `/images/${tag}/json`, { timeoutMs: 5000 })).status === 200;
}

/**
 * A request whose answer is a stream of JSON lines (pull, import, build). Throws what the engine gives as the reason.
 * @param {string} socket
 * @param {string} path
 * @param {{ body?: import('node:stream').Readable, type?: string, timeoutMs?: number }} options
 * @param {(text: string) => void} log is given what the engine says meanwhile
 * @returns {Promise<void>}
 */
export async function stream(socket, path, options, log) {
  /** @type {string | null} */
  let failure = null;
  const { status, text } = await call(socket, 'POST', path, {
    ...options,
    onLine(line) {
      const said = parsed(line);
      if (said.error) failure = said.error;
      const words = said.stream ?? said.error ?? said.status;
      if (words?.trim()) log(words.trimEnd());
    },
  });
  if (status >= 300)
    throw new Error(parsed(text).message ?? `the Docker engine answered ${status}: ${text.slice(0, 300)}`);
  if (failure) throw new Error(failure);
}

/**
 * @param {string} line
 * @returns {{ stream?: string, status?: string, error?: string, message?: string }}
 */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
