import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** How the network between a test and a server is. */
export interface Network {
  /** What comes and goes is held back so long. Milliseconds. */
  slowMs: number;
  /** After so many bytes from the server a connection breaks; null: none does. */
  breaksAfter: number | null;
  /** Nobody answers. */
  gone: boolean;
}

export interface TestProxy {
  port: number;
  network: Network;
  /** Breaks what is connected now. */
  cut(): void;
  /** How many connections there were. */
  count(): number;
  close(): Promise<void>;
}

/** Passes connections on to a port of this machine, over a network as bad as the test wants it. */
export async function startProxy(to: number): Promise<TestProxy> {
  const network: Network = { slowMs: 0, breaksAfter: null, gone: false };
  const open = new Set<Socket>();
  let count = 0;
  const end = (...sockets: Socket[]): void => {
    for (const socket of sockets) {
      open.delete(socket);
      socket.destroy();
    }
  };
  const server = createServer((client) => {
    count += 1;
    if (network.gone) return void client.destroy();
    const target = connect(to, '127.0.0.1');
    const endBoth = (): void => end(client, target);
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', endBoth).on('close', endBoth);
    }
    pass(client, target, network, () => {});
    let passed = 0;
    pass(target, client, network, (bytes) => {
      passed += bytes;
      if (network.breaksAfter !== null && passed > network.breaksAfter) endBoth();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('expected a port');
  return {
    port: address.port,
    network,
    cut: () => end(...open),
    count: () => count,
    async close() {
      end(...open);
      server.close();
    },
  };
}

function pass(from: Socket, to: Socket, network: Network, passed: (bytes: number) => void): void {
  let before = Promise.resolve();
  from.on('data', (bytes) => {
    before = before.then(async () => {
      if (network.slowMs > 0) await wait(network.slowMs);
      if (!to.destroyed) to.write(bytes);
      passed(bytes.length);
    });
  });
}
