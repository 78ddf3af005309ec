import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { printReport } from './report';

/** Where the appliance is, as the shell that runs it says. */
export interface Paths {
  url: string;
  socket: string;
  certificate: string;
  state: string;
  run: string;
  work: string;
  node: string;
  namespace: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    paths: Paths;
    /** The socket that takes commands for the appliance, a line each. */
    control: string;
    /** Where the browser listens. */
    browser: string;
  }
}

const here = import.meta.dirname;
const repository = join(here, '../..');
const executable = process.env['FCR_CHROMIUM'] ?? '/usr/bin/chromium';

/** One appliance and one browser for all files; both end with this process, however that ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  for (const needed of [join(repository, 'bin/fcr-mgmtd'), executable]) {
    if (!existsSync(needed)) throw new Error(`${needed} is missing: make build, ci/deps build test store web`);
  }
  for (const kept of ['shots', 'report']) {
    rmSync(join(here, kept), { recursive: true, force: true });
    mkdirSync(join(here, kept), { recursive: true });
  }
  const shell = await startShell();
  const control = await listen(shell);
  const browser = await chromium.launchServer({
    executablePath: executable,
    headless: true,
    args: [
      '--no-sandbox', // it runs as root, as the appliance does
      // The appliance's own certificate and no other is believed.
      `--ignore-certificate-errors-spki-list=${keyHash(shell.paths.certificate)}`,
      '--enable-precise-memory-info',
      '--js-flags=--expose-gc',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
  project.provide('paths', shell.paths);
  project.provide('control', control);
  project.provide('browser', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await shell.end();
    printReport();
  };
}

/** keyHash is what Chromium calls the hash of the subject's public key info. */
const keyHash = (certificate: string): string =>
  createHash('sha256')
    .update(new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

interface Shell {
  paths: Paths;
  ask: (command: string) => Promise<string>;
  end: () => Promise<void>;
}

async function startShell(): Promise<Shell> {
  const port = await freePort();
  const child = spawn(join(here, 'appliance'), {
    cwd: repository,
    env: { ...process.env, FCR_LISTEN: `127.0.0.1:${port}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout });
  const waiting: ((line: string) => void)[] = [];
  answers.on('line', (line) => waiting.shift()?.(line));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => waiting.splice(0).forEach((tell) => tell(JSON.stringify({ ok: false, error: `the appliance's shell ended: ${code}` }))));
  const next = () => new Promise<string>((resolve) => waiting.push(resolve));
  const first: Paths & { ok: boolean; error?: string } = JSON.parse(await next());
  if (!first.ok) throw new Error(first.error);
  return {
    paths: first,
    ask(command) {
      const answer = next();
      child.stdin.write(command + '\n');
      return answer;
    },
    end: () => quit(child, ended),
  };
}

async function quit(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.end('quit\n');
  await ended;
}

/** listen passes the commands of the tests' process on to the shell. */
async function listen(shell: Shell): Promise<string> {
  const path = join(shell.paths.work, 'control.sock');
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (command) => {
      void shell.ask(command).then((answer) => socket.end(answer + '\n'));
    });
    socket.on('error', () => {}); // the test that asked was ended
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = addressOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address;
}
