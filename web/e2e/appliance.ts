import { readFileSync } from 'node:fs';
import { request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { inject } from 'vitest';

/** The appliance that setup.ts has started, as tests handle it. */

export const paths = inject('paths');
const control = inject('control');

interface Answer {
  ok: boolean;
  error?: string;
  code?: string;
}

/** command asks the shell `web/e2e/appliance`; what it cannot do is an error. */
function command(line: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(control, () => socket.write(line + '\n'));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (said += part));
    socket.on('error', reject);
    socket.on('end', () => {
      const answer: Answer = JSON.parse(said);
      if (answer.ok) resolve(answer);
      else reject(new Error(`${line}: ${answer.error}`));
    });
  });
}

const run = async (line: string): Promise<void> => void (await command(line));

/** Hosts and arrays. stop lets them end what they do, and log out. */
export const fabric = { start: () => run('fabric start'), stop: () => run('fabric stop') };

/** The inspection service: stop kills it, and its link is gone. */
export const service = { start: () => run('service start'), stop: () => run('service stop') };

/** The management daemon with all its roles. fresh makes it one that knows nothing yet. */
export const daemon = {
  kill: () => run('daemon kill'),
  stop: () => run('daemon stop'),
  start: () => run('daemon start'),
  fresh: async () => {
    await run('daemon fresh');
    cookies.clear();
  },
};

/** Many flows besides those of the hosts, in a VLAN of their own. */
export const load = {
  start: (flows: number, rate: number) => run(`load start ${flows} ${rate}`),
  stop: () => run('load stop'),
  /** So many flows the appliance knows of now. */
  count: () => total('flows', 'vsan=200'),
};

/** total is how many there are in a list with this query. Lists of flows are a second or two old. */
export async function total(noun: string, query = ''): Promise<number> {
  const { body } = await must('GET', `/api/v1/${noun}?${query}&limit=1`);
  return isObject(body) && typeof body['total'] === 'number' ? body['total'] : Number.NaN;
}

export const setupCode = async (): Promise<string> => (await command('setup-code')).code ?? '';

export interface Response {
  status: number;
  headers: IncomingMessage['headers'];
  body: unknown;
}

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
}

/** rest asks over the unix socket, where root needs no password. Nothing is judged: status is for the caller. */
export const rest = (method: string, path: string, ask: Ask = {}): Promise<Response> =>
  send((headers) => http({ socketPath: paths.socket, path, method, headers }), ask);

/** asUser asks over HTTPS with the session of an account, as its browser would. */
export const asUser = async (name: string, method: string, path: string, ask: Ask = {}): Promise<Response> =>
  overTLS(method, path, { ...ask, headers: { Cookie: await cookieOf(name), ...ask.headers } });

const overTLS = (method: string, path: string, ask: Ask): Promise<Response> =>
  send((headers) => https(paths.url + path, { method, headers, ca: readFileSync(paths.certificate) }), ask);

function send(open: (headers: Record<string, string>) => ReturnType<typeof http>, { body, headers }: Ask): Promise<Response> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = open({ ...(text === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers });
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const said = Buffer.concat(parts).toString('utf8');
        const json = (response.headers['content-type'] ?? '').includes('json');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: json && said !== '' ? JSON.parse(said) : said });
      });
    });
    request.end(text);
  });
}

/** must is rest for what has to succeed. */
export async function must(method: string, path: string, ask: Ask = {}): Promise<Response> {
  const response = await rest(method, path, ask);
  if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(response.body)}`);
  return response;
}

/** The accounts of the tests, by role. */
export const accounts = {
  alice: { role: 'admin', password: 'a quiet fabric at dawn' },
  paula: { role: 'policy-admin', password: 'rules for every frame' },
  oscar: { role: 'operator', password: 'watching the night shift' },
  vera: { role: 'viewer', password: 'only looking, thank you' },
} as const;
export type Account = keyof typeof accounts;
const isAccount = (name: string): name is Account => name in accounts;

/** installed sees to it that there are the accounts, whatever ran before. */
export async function installed(): Promise<void> {
  const setup = await must('GET', '/api/v1/setup');
  if (isObject(setup.body) && setup.body['installed'] === false) {
    await must('POST', '/api/v1/setup', { body: { name: 'alice', password: accounts.alice.password } });
  }
  for (const [name, { role, password }] of Object.entries(accounts)) {
    const there = await rest('GET', `/api/v1/users/${name}`);
    if (there.status === 404) await must('PUT', `/api/v1/users/${name}`, { body: { role, password }, headers: { 'If-None-Match': '*' } });
  }
}

/** signedIn is how the appliance answers who signs in over HTTPS. */
export const signedIn = async (name: string, password: string): Promise<number> => (await signIn(name, password)).status;

const signIn = (name: string, password: string): Promise<Response> => overTLS('POST', '/api/v1/sessions', { body: { name, password } });

const cookies = new Map<string, string>();

/** cookieOf signs an account in, once. */
export async function cookieOf(name: string): Promise<string> {
  if (!isAccount(name)) throw new Error(`there is no account ${name}`);
  const known = cookies.get(name);
  if (known !== undefined && (await overTLS('GET', '/api/v1/me', { headers: { Cookie: known } })).status === 200) return known;
  const response = await signIn(name, accounts[name].password);
  const cookie = response.headers['set-cookie']?.[0]?.split(';')[0];
  if (cookie === undefined) throw new Error(`sign in ${name}: ${response.status} ${JSON.stringify(response.body)}`);
  cookies.set(name, cookie);
  return cookie;
}

const policy = readFileSync(join(import.meta.dirname, 'fabric/policy.yaml'), 'utf8');

/** configure puts a policy file in force at once, without a window; by default the one without redirects. */
export async function configure(yaml: string = policy): Promise<void> {
  const change = (await must('GET', '/api/v1/change')).body;
  if (isObject(change) && change['phase'] === 'window') await must('POST', '/api/v1/change/revert', { body: {} });
  if (isObject(change) && change['lock'] !== undefined) await must('POST', '/api/v1/change/takeover');
  await rest('POST', '/api/v1/change/discard'); // what somebody left pending; if nobody did it says so
  await must('PUT', '/api/v1/change/document', { body: { yaml }, headers: { 'If-Match': '*' } });
  const applied = await rest('POST', '/api/v1/change/apply', { body: { immediate: true, note: 'for a test' } });
  const code = isObject(applied.body) ? applied.body['code'] : undefined;
  // The same as what is in force is no change; it is forgotten, and the lock given back.
  if (code === 'nothing_pending') for (const way of ['discard', 'unlock']) await rest('POST', `/api/v1/change/${way}`);
  else if (applied.status >= 400) throw new Error(`apply: ${JSON.stringify(applied.body)}`);
}

/** everythingRuns is how each file finds the appliance: accounts, monitor-only, hosts that work, a service that is there. */
export async function everythingRuns(): Promise<void> {
  await load.stop();
  await service.start();
  await fabric.start();
  await installed();
  await configure();
}

export const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
