import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, normalize } from 'node:path';
import { toolchain } from '../../setup/toolchain.mjs';

/** What a request to the server is for. */
export type E2bStep =
  | 'create'
  | 'list'
  | 'describe'
  | 'timeout'
  | 'connect'
  | 'kill'
  | 'health'
  | 'upload'
  | 'download'
  | 'listDir'
  | 'start'
  | 'processes'
  | 'follow'
  | 'signal';

/** How the next request of a step goes wrong. */
export type E2bFault =
  | { at: E2bStep; kind: 'status'; status: number; headers?: Record<string, string>; message?: string }
  /** Done, but the connection breaks before the answer. */
  | { at: E2bStep; kind: 'lostReply' }
  /** Never answered. */
  | { at: E2bStep; kind: 'hang' };

export interface SeenCreate {
  template: string;
  metadata: Record<string, string>;
  /** Seconds. */
  timeout: number;
  internet: boolean;
  envs: Record<string, string>;
}

export interface SeenStart {
  sandboxId: string;
  user: string;
  command: string;
  envs: Record<string, string>;
  /** Resolves with the exit code when the command has ended. */
  ended: Promise<number>;
}

export interface E2bServer {
  /** Serves both the API and, by the header `E2b-Sandbox-Id`, every sandbox. */
  url: string;
  key: string;
  created: SeenCreate[];
  started: SeenStart[];
  /** Everything that came over the wire, as text: to look for what must not be in it. */
  wire: { at: E2bStep; body: string }[];
  /** The next request of a fault's step meets it; each is used once. */
  faults: E2bFault[];
  /** Ids of the sandboxes that live. */
  running(): string[];
  /** The folder that is a sandbox's `/`. */
  folderOf(sandboxId: string): string;
  /** Ends a sandbox as its time-out does: processes die, connections break, and from then on there is only 502. */
  expire(sandboxId: string): Promise<void>;
  /** Breaks the connections to all sandboxes, which go on. */
  breakConnections(): void;
  close(): Promise<void>;
}

export interface E2bServerOptions {
  /** Host files and folders that every sandbox of a template shows, read-only: path on the host → path inside. */
  templates?: Record<string, Record<string, string>>;
}

interface Vm {
  id: string;
  token: string;
  root: string;
  internet: boolean;
  template: string;
  envs: Record<string, string>;
  metadata: Record<string, string>;
  startedAt: number;
  endAt: number;
  clock: NodeJS.Timeout;
  processes: Map<number, Running>;
  open: Set<ServerResponse>;
}

interface Running {
  child: ChildProcess;
  config: { cmd: string; args: string[]; envs: Record<string, string> };
  /** Streams of events that follow the process. */
  followers: Set<(event: object) => void>;
}

const asRoot = process.getuid?.() === 0;
const USER = 1000;
/** Of every sandbox, as it is told. */
const MEMORY_MB = 4096;

/**
 * A local service that answers the calls of E2B's own library which Crucible uses: sandboxes are folders, whose commands run in
 * a namespace of their own by bubblewrap, as `user` or as `root`, with the environment that was sent and no other. Follows envd where it
 * matters: a command outlives the connection that started it, an expired sandbox answers 502, files are written as the named
 * user.
 */
export async function startE2bServer({
  templates = { base: {} },
}: E2bServerOptions = {}): Promise<E2bServer> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-e2b-'));
  await chmod(home, 0o755);
  const bwrap = await bubblewrap(home);
  const vms = new Map<string, Vm>();
  const underWay = new Set<Promise<void>>();

  const http = createServer((request, response) => {
    const answered = answer(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: 500, message: String(error) }));
    });
    underWay.add(answered);
    void answered.then(() => underWay.delete(answered));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;

  const server: E2bServer = {
    url: `http://127.0.0.1:${port}`,
    key: 'e2b_0123456789abcdef0123456789abcdef01234567',
    created: [],
    started: [],
    wire: [],
    faults: [],
    running: () => [...vms.keys()],
    folderOf: (sandboxId) => join(home, sandboxId),
    async expire(sandboxId) {
      const vm = vms.get(sandboxId);
      if (vm) await end(vm);
    },
    breakConnections() {
      for (const vm of vms.values()) for (const response of vm.open) response.destroy();
    },
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await Promise.all(underWay);
      for (const vm of vms.values()) await end(vm);
      await rm(home, { recursive: true, force: true });
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', server.url);
    const body = await bytesOf(request);
    const call = `${request.method} ${url.pathname}`;
    const sandboxId = request.headers['e2b-sandbox-id'];
    const step = stepOf(call);
    server.wire.push({ at: step, body: body.toString('latin1') });
    const fault = server.faults.find(({ at }) => at === step);
    if (fault) server.faults.splice(server.faults.indexOf(fault), 1);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      const { status, headers, message = 'It went wrong.' } = fault;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      return void response.end(JSON.stringify({ code: status, message }));
    }
    // The client is gone, the work is done all the same.
    if (fault?.kind === 'lostReply') request.socket.destroy();

    if (sandboxId === undefined) return control(call, url, request, body, response);
    const vm = vms.get(String(sandboxId));
    if (vm === undefined) return json(response, 502, { message: 'The sandbox was not found', code: 502 });
    if (url.pathname === '/health') return void response.writeHead(204).end();
    if (request.headers['x-access-token'] !== vm.token)
      return json(response, 401, { code: 'unauthenticated', message: 'unauthorized access' });
    vm.open.add(response);
    response.once('close', () => vm.open.delete(response));
    await envd(vm, call, url, request, body, response);
  }

  /** The API that makes, lists and ends sandboxes. */
  async function control(
    call: string,
    url: URL,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    if (request.headers['x-api-key'] !== server.key)
      return json(response, 401, { code: 401, message: `Invalid API key: ${request.headers['x-api-key']}` });
    if (call === 'POST /v2/sandboxes') {
      const wanted = JSON.parse(body.toString());
      const shown = templates[wanted.templateID];
      if (shown === undefined)
        return json(response, 404, { code: 404, message: `template '${wanted.templateID}' not found` });
      const made: SeenCreate = {
        template: wanted.templateID,
        metadata: wanted.metadata ?? {},
        timeout: wanted.timeout ?? 15,
        internet: wanted.allow_internet_access ?? true,
        envs: wanted.envVars ?? {},
      };
      server.created.push(made);
      return json(response, 201, described(await begin(made)));
    }
    if (call === 'GET /v2/sandboxes') {
      const asked = Object.fromEntries(new URLSearchParams(url.searchParams.get('metadata') ?? ''));
      const matches = [...vms.values()].filter(({ metadata }) =>
        Object.entries(asked).every(
          ([name, value]) => metadata[decodeURIComponent(name)] === decodeURIComponent(value),
        ),
      );
      return json(response, 200, matches.map(described));
    }
    const [, id = '', action] = /^\/(?:v2\/)?sandboxes\/([^/]+)(?:\/(\w+))?$/.exec(url.pathname) ?? [];
    const vm = vms.get(id);
    if (vm === undefined) return json(response, 404, { code: 404, message: `sandbox ${id} not found` });
    if (request.method === 'GET') return json(response, 200, described(vm));
    if (request.method === 'DELETE') {
      await end(vm);
      return void response.writeHead(204).end();
    }
    if (action === 'timeout' || action === 'connect') {
      const seconds = JSON.parse(body.toString()).timeout;
      if (action === 'timeout' || Date.now() + seconds * 1000 > vm.endAt) prolong(vm, seconds);
      return action === 'timeout' ? void response.writeHead(204).end() : json(response, 200, described(vm));
    }
    json(response, 400, { code: 400, message: `unknown call ${call}` });
  }

  const described = (vm: Vm) => ({
    sandboxID: vm.id,
    templateID: vm.template,
    clientID: 'local',
    envdVersion: '0.6.4',
    envdAccessToken: vm.token,
    metadata: vm.metadata,
    startedAt: new Date(vm.startedAt).toISOString(),
    endAt: new Date(vm.endAt).toISOString(),
    state: 'running',
    cpuCount: 2,
    memoryMB: MEMORY_MB,
  });

  async function begin({ template, metadata, timeout, internet, envs }: SeenCreate): Promise<Vm> {
    const id = `i${randomBytes(10).toString('hex')}`;
    const root = join(home, id);
    await layOut(root);
    for (const [from, to] of Object.entries(templates[template] ?? {})) {
      const found = await stat(from);
      await mkdir(join(root, found.isDirectory() ? to : dirname(to)), { recursive: true });
      if (!found.isDirectory()) await writeFile(join(root, to), '');
    }
    const clock = setTimeout(() => undefined, 0);
    const token = randomUUID();
    const startedAt = Date.now();
    const [processes, open] = [new Map<number, Running>(), new Set<ServerResponse>()];
    const vm: Vm = {
      id,
      token,
      root,
      internet,
      template,
      envs,
      metadata,
      startedAt,
      endAt: 0,
      clock,
      processes,
      open,
    };
    vms.set(id, vm);
    prolong(vm, timeout);
    return vm;
  }

  function prolong(vm: Vm, seconds: number): void {
    clearTimeout(vm.clock);
    vm.endAt = Date.now() + seconds * 1000;
    vm.clock = setTimeout(() => void end(vm), seconds * 1000);
    vm.clock.unref();
  }

  async function end(vm: Vm): Promise<void> {
    vms.delete(vm.id);
    clearTimeout(vm.clock);
    const ends = [...vm.processes.values()].map(({ child }) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      signal(child, 'SIGKILL');
      return ended;
    });
    for (const response of vm.open) response.destroy();
    await Promise.all(ends);
    await rm(vm.root, { recursive: true, force: true });
  }

  /** What runs inside of a sandbox: files by HTTP, processes by Connect with JSON. */
  async function envd(
    vm: Vm,
    call: string,
    url: URL,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    if (call === 'GET /files') {
      const path = url.searchParams.get('path') ?? '';
      const bytes = await readFile(inside(vm, path)).catch(() => null);
      if (bytes === null) return json(response, 404, { code: 404, message: `path '${path}' does not exist` });
      return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    }
    if (call === 'POST /files') return upload(vm, url, request, body, response);
    const input = JSON.parse(
      (call.endsWith('/Start') || call.endsWith('/Connect') ? body.subarray(5) : body).toString(),
    );
    if (call === 'POST /process.Process/Start') return start(vm, request, input, response);
    if (call === 'POST /process.Process/Connect') {
      const running = vm.processes.get(input.process.pid);
      const stream = streamTo(response);
      if (!running) return stream.fail('not_found', `process with pid ${input.process.pid} not found`);
      stream.send({ start: { pid: input.process.pid } });
      return follow(running, response, stream);
    }
    if (call === 'POST /process.Process/List')
      return json(response, 200, {
        processes: [...vm.processes].map(([pid, { config }]) => ({ pid, config })),
      });
    if (call === 'POST /process.Process/SendSignal') {
      const running = vm.processes.get(input.process.pid);
      if (!running) return json(response, 404, { code: 'not_found', message: 'no such process' });
      signal(running.child, input.signal === 'SIGNAL_SIGKILL' ? 'SIGKILL' : 'SIGTERM');
      return json(response, 200, {});
    }
    if (call === 'POST /filesystem.Filesystem/ListDir') return listDir(vm, input.path, response);
    json(response, 404, { code: 'unimplemented', message: `unknown call ${call}` });
  }

  async function upload(
    vm: Vm,
    url: URL,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const given = url.searchParams.get('path');
    const owner = url.searchParams.get('username') ?? 'user';
    const type = request.headers['content-type'] ?? '';
    const files: [path: string, bytes: Uint8Array][] = [];
    if (type === 'application/octet-stream') files.push([given ?? '', body]);
    else
      for (const part of (await new Response(body, { headers: { 'content-type': type } }).formData()).getAll(
        'file',
      ))
        if (part instanceof File) files.push([given ?? part.name, new Uint8Array(await part.arrayBuffer())]);
    for (const [path, bytes] of files) {
      await makeFolders(vm.root, dirname(inside(vm, path)), owner);
      await writeFile(inside(vm, path), bytes);
      await own(inside(vm, path), owner);
    }
    json(
      response,
      200,
      files.map(([path]) => ({ path, name: basename(path), type: 'file' })),
    );
  }

  function start(
    vm: Vm,
    request: IncomingMessage,
    { process: config }: { process: Running['config'] },
    response: ServerResponse,
  ): void {
    const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
    const user = Buffer.from(basic, 'base64').toString().split(':')[0] || 'user';
    const envs = config.envs ?? {};
    const child = spawn(bwrap, [...namespace(vm, user), config.cmd, ...config.args], {
      cwd: '/',
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: homeOf(user),
        USER: user,
        LOGNAME: user,
        ...vm.envs,
        ...envs,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: bubblewrap, until it has made the namespace, would leave its child behind.
      detached: true,
      ...(asRoot && user !== 'root' ? { uid: USER, gid: USER } : {}),
    });
    const pid = child.pid ?? 0;
    const running: Running = { child, config: { ...config, envs }, followers: new Set() };
    vm.processes.set(pid, running);
    const tell = (event: object) => {
      for (const follower of running.followers) follower(event);
    };
    const limit = Number(request.headers['connect-timeout-ms'] ?? 0);
    const clock = limit > 0 ? setTimeout(() => signal(child, 'SIGKILL'), limit) : undefined;
    child.stdout?.on('data', (bytes: Buffer) => tell({ data: { stdout: bytes.toString('base64') } }));
    child.stderr?.on('data', (bytes: Buffer) => tell({ data: { stderr: bytes.toString('base64') } }));
    const ended = new Promise<number>((resolve) =>
      child.once('close', (code, by) => {
        clearTimeout(clock);
        vm.processes.delete(pid);
        const exitCode = code ?? -1;
        const status = by === null ? `exit status ${exitCode}` : `signal: ${by}`;
        tell({
          end: { exitCode, exited: by === null, status, ...(exitCode === 0 ? {} : { error: status }) },
        });
        resolve(exitCode);
      }),
    );
    server.started.push({ sandboxId: vm.id, user, command: config.args.at(-1) ?? '', envs, ended });
    const stream = streamTo(response);
    stream.send({ start: { pid } });
    follow(running, response, stream);
  }

  /** The arguments of bubblewrap that make a sandbox's folder the whole system of a command. */
  function namespace(vm: Vm, user: string): string[] {
    const privileged = asRoot && user === 'root';
    return [
      ...['--bind', vm.root, '/', '--ro-bind', '/usr', '/usr', '--dev', '/dev'],
      // The host's, and as root its processes: with a new /proc, the sandbox inside could not make one of its own.
      ...['--dev-bind', '/proc', '/proc', ...(privileged ? [] : ['--unshare-pid'])],
      ...Object.entries(templates[vm.template] ?? {}).flatMap(([from, to]) => ['--ro-bind', from, to]),
      ...(privileged ? ['--cap-add', 'ALL'] : ['--unshare-user']),
      ...(asRoot && !privileged ? ['--uid', `${USER}`, '--gid', `${USER}`] : []),
      ...['--unshare-ipc', '--unshare-uts', '--die-with-parent', '--chdir', homeOf(user)],
      ...(vm.internet ? [] : ['--unshare-net']),
    ];
  }

  async function listDir(vm: Vm, path: string, response: ServerResponse): Promise<void> {
    const names = await readdir(inside(vm, path)).catch(() => null);
    if (names === null) return json(response, 404, { code: 'not_found', message: `path not found: ${path}` });
    const entries = names.map(async (name) => {
      const found = await lstat(join(inside(vm, path), name));
      const kind = found.isSymbolicLink() ? 'SYMLINK' : found.isDirectory() ? 'DIRECTORY' : 'FILE';
      return {
        name,
        path: join(path, name),
        type: `FILE_TYPE_${kind}`,
        size: `${found.size}`,
        mode: found.mode & 0o777,
      };
    });
    json(response, 200, { entries: await Promise.all(entries) });
  }

  return server;
}

/** bubblewrap, copied to where `user` can start it: what set-up unpacks lies in a folder of root's own. */
async function bubblewrap(folder: string): Promise<string> {
  const { bwrap } = await toolchain();
  if (bwrap === null) throw new Error('a local E2B needs bubblewrap. Type: npm run setup');
  const copy = join(folder, 'bwrap');
  await cp(bwrap, copy);
  return copy;
}

function stepOf(call: string): E2bStep {
  const known: Record<string, E2bStep> = {
    'POST /v2/sandboxes': 'create',
    'GET /v2/sandboxes': 'list',
    'GET /health': 'health',
    'POST /files': 'upload',
    'GET /files': 'download',
    'POST /filesystem.Filesystem/ListDir': 'listDir',
    'POST /process.Process/Start': 'start',
    'POST /process.Process/List': 'processes',
    'POST /process.Process/Connect': 'follow',
    'POST /process.Process/SendSignal': 'signal',
  };
  if (call.startsWith('DELETE')) return 'kill';
  if (call.endsWith('/timeout')) return 'timeout';
  return known[call] ?? (call.startsWith('GET') ? 'describe' : 'connect');
}

/** A stream of Connect messages with JSON: each with a byte of flags and its length before it. */
function streamTo(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'application/connect+json' });
  const frame = (flags: number, message: object) => {
    const text = Buffer.from(JSON.stringify(message));
    const head = Buffer.alloc(5);
    head.writeUInt8(flags);
    head.writeUInt32BE(text.length, 1);
    response.write(Buffer.concat([head, text]));
  };
  return {
    send: (event: object) => frame(0, { event }),
    close() {
      frame(2, {});
      response.end();
    },
    fail(code: string, message: string) {
      frame(2, { error: { code, message } });
      response.end();
    },
  };
}

function follow(running: Running, response: ServerResponse, stream: ReturnType<typeof streamTo>): void {
  const follower = (event: object) => {
    stream.send(event);
    if ('end' in event) stream.close();
  };
  running.followers.add(follower);
  response.once('close', () => running.followers.delete(follower));
}

/** The host's path of a path inside. Relative paths begin at the user's home. */
const inside = (vm: Vm, path: string): string =>
  join(vm.root, normalize(join('/', path.startsWith('/') ? path : `home/user/${path}`)));

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    // It has just ended.
  }
}

const homeOf = (user: string): string => (user === 'root' ? '/root' : '/home/user');

async function layOut(root: string): Promise<void> {
  for (const folder of [
    'usr',
    'proc',
    'dev',
    'etc',
    'mnt',
    'opt',
    'root',
    'run',
    'home/user',
    'tmp',
    'var/tmp',
  ])
    await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await own(join(root, 'home/user'), 'user');
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'])
    if (existsSync(`/${name}`)) await symlink(await readlink(`/${name}`), join(root, name));
  for (const name of ['alternatives', 'ld.so.cache', 'hosts', 'nsswitch.conf'])
    if (existsSync(`/etc/${name}`))
      await cp(`/etc/${name}`, join(root, 'etc', name), { recursive: true, verbatimSymlinks: true });
  const users = `root:x:0:0::/root:/bin/bash\nuser:x:${USER}:${USER}::/home/user:/bin/bash\n`;
  await writeFile(join(root, 'etc/passwd'), users);
}

async function own(path: string, user: string): Promise<void> {
  if (asRoot && user !== 'root') await chown(path, USER, USER);
}

async function makeFolders(root: string, folder: string, owner: string): Promise<void> {
  if (folder.length <= root.length || existsSync(folder)) return;
  await makeFolders(root, dirname(folder), owner);
  // Requests at once make the same folders.
  await mkdir(folder, { recursive: true });
  await own(folder, owner);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
