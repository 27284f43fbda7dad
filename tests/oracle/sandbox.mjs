// Starts what a check needs and stops it again: the sandbox on a free port, other servers, and carnetd itself.
//
// `CARNETD` names the program (default: the one `cargo test` built), `CARNETD_SPECS` the folder with the vendors'
// descriptions (default: ../shared/specs beside the repository).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The program under test. */
export const carnetd = resolve(process.env.CARNETD ?? join(root, 'target/debug/carnetd'));

/** A vendor's description; `null` where it is not at hand. In CI that is an error. */
export function spec(name) {
  const path = join(process.env.CARNETD_SPECS ?? join(root, '../shared/specs'), name);
  if (existsSync(path)) return path;
  if (process.env.CI === 'true') throw new Error(`${path} is missing; CARNETD_SPECS names its folder`);
  return null;
}

/** A port that nobody uses now. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A child process whose output is kept, so that a failure can show it. */
export class Child {
  constructor(program, args, options = {}) {
    this.name = [program, ...args].join(' ');
    this.output = '';
    this.process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.output += text; });
    }
    this.ended = new Promise((done) => {
      this.process.once('close', (code, signal) => done(code ?? signal));
      this.process.once('error', (error) => { this.output += error.message; done(error.code); });
    });
  }

  /** Resolves with the exit code, or the signal's name. */
  exit() {
    return this.ended;
  }

  /** Waits until `url` answers, whatever it says. */
  async answers(url, seconds = 30) {
    const deadline = Date.now() + seconds * 1000;
    let ended = false;
    this.ended.then(() => { ended = true; });
    while (Date.now() < deadline && !ended) {
      try {
        await (await fetch(url, { redirect: 'manual' })).arrayBuffer();
        return this;
      } catch {
        await new Promise((again) => { setTimeout(again, 50); });
      }
    }
    await this.stop();
    throw new Error(`${this.name} does not answer at ${url}:\n${this.output}`);
  }

  /** Ends it and waits for the end. */
  async stop() {
    this.process.kill('SIGTERM');
    return this.exit();
  }
}

/** A running sandbox; `url` is its root. */
export async function startSandbox() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Child(carnetd, ['sandbox', '--listen', `127.0.0.1:${port}`]);
  await child.answers(`${url}/_calls`);
  return { url, child, stop: () => child.stop() };
}

/** Who owns what the oracles sync; `headers` let them look at the sandbox as that user. */
export const owner = 'alice@acme.example';
export const headers = { 'x-api-token': `sandbox:${owner}` };

/** Configures carnetd in `folder`: the cards in `contacts`, the Pipedrive at `url`. */
export function configure(folder, url, direction) {
  writeFileSync(join(folder, 'token'), `${headers['x-api-token']}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'carnetd.toml'), `
    [pipedrive]
    url = "${url}/pipedrive"
    token_file = "token"
    visibility_levels = 2
    [status]
    listen = "off"
    [accounts.cards]
    provider = "folder"
    path = "contacts"
    owner = "${owner}"
    group = "Clients"
    direction = "${direction}"
    visibility = "company"
    country = "GB"
  `);
}

/** Runs a program to its end; `note` is added to what is said when it fails. */
export async function run(program, args, note = () => '') {
  const child = new Child(program, args);
  assert.equal(await child.exit(), 0, `${child.name}:\n${child.output}\n${note()}`);
}

/** One pass of what was configured in `folder`. */
export function sync(folder, args = [], note = undefined) {
  return run(carnetd, ['sync', ...args, '--config', join(folder, 'carnetd.toml')], note);
}
