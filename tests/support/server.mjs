// Starts the real binary on a port and a data directory of the test's own, and stops it by the pid
// that it started. MARU_BIN names the binary (ctest sets it).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export const MARU_BIN = process.env.MARU_BIN ?? "build/dev/maru";
// Sanitized builds are several times slower: time-outs of tests are multiplied by this.
export const SLOWNESS = Number(process.env.MARU_TEST_SLOWNESS ?? 1);

// Only what a program needs: a developer's own PORT or MONGO_URI must not leak into a test.
function cleanEnvironment(extra) {
  const env = {};
  for (const name of ["PATH", "HOME", "TMPDIR", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"]) {
    if (process.env[name] !== undefined) env[name] = process.env[name];
  }
  return { ...env, ...extra };
}

const made = [];
process.once("exit", () => made.forEach((directory) => rmSync(directory, { recursive: true, force: true })));

// Gone at the end of the test's process.
export function makeDataDir() {
  made.push(mkdtempSync(join(tmpdir(), "maru-test-")));
  return made.at(-1);
}

export class Server {
  // args: beyond --port, --data-dir. readyBy "probe": asks /readyz of the given port, for a log level
  // that does not say "ready". stderr: a descriptor in place of the pipe that fills `log`; then
  // readyBy must be "probe".
  constructor({ args = [], env = {}, dataDir = null, port = 0, cwd, readyBy = "log", stderr = "pipe" } = {}) {
    this.readyBy = readyBy;
    this.stderr = stderr;
    this.args = args;
    this.env = env;
    this.ownsDataDir = dataDir === null;
    this.dataDir = dataDir ?? makeDataDir();
    this.port = port;
    this.cwd = cwd ?? this.dataDir;
    this.log = [];
    this.asked = null; // the signal by which the test ended it
  }

  async start() {
    const args = ["--port", String(this.port), "--host", "127.0.0.1", "--data-dir", join(this.dataDir, "data"),
      "--log-format", "json", ...this.args];
    this.child = spawn(MARU_BIN_ABSOLUTE, args, {
      cwd: this.cwd, env: cleanEnvironment(this.env), stdio: ["ignore", "pipe", this.stderr],
    });
    this.asked = null;
    // "close" comes after the last line of its log, "exit" may not.
    this.exited = new Promise((resolve) => {
      this.child.once("close", (code, signal) => resolve({ code, signal }));
    });
    const ready = new Promise((resolve, reject) => {
      if (this.child.stderr) createInterface({ input: this.child.stderr }).on("line", (line) => {
        this.log.push(line);
        if (this.log.length > 20_000) this.log.splice(0, 10_000);
        if (!line.includes('"event":"ready"')) return;
        try {
          resolve(JSON.parse(line).port);
        } catch (error) {
          reject(error);
        }
      });
      this.exited.then(({ code, signal }) =>
        reject(new Error(`maru ended before it was ready (${code ?? signal}):\n${this.log.join("\n")}`)));
      setTimeout(() => reject(new Error("maru was not ready in time")), 20_000 * SLOWNESS).unref();
    });
    ready.catch(() => {}); // start() may be waiting for a probe
    this.startedAt = performance.now();
    const isUp = () => fetch(`http://127.0.0.1:${this.port}/readyz`).then((answer) => answer.ok, () => false);
    const probed = async () => {
      while (this.alive() && !(await isUp())) await sleep(20);
      return this.port;
    };
    this.port = await (this.readyBy === "probe" ? Promise.race([ready, probed()]) : ready);
    this.readyAfterMs = performance.now() - this.startedAt;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  // The only way for a test to end it: whatever else ends it is a crash, and stop() says so.
  signal(name) {
    if (!this.alive()) throw this.#ended("had ended already");
    this.asked = name;
    this.child.kill(name);
  }

  // SIGTERM; the exit must be clean. Throws if the server has ended by itself.
  async stop() {
    if (this.asked === null) this.signal("SIGTERM");
    const { code, signal } = await this.exited;
    const isAsFor = this.asked === "SIGKILL" ? signal === "SIGKILL" : code === 0;
    if (!isAsFor) throw this.#ended(`was sent ${this.asked} and ended with ${code ?? signal}`);
    return { code, signal };
  }

  async kill() {
    this.signal("SIGKILL");
    return this.exited;
  }

  #ended(how) {
    const { exitCode, signalCode } = this.child;
    return new Error(`maru ${how} (${exitCode ?? signalCode ?? "running"}):\n${this.log.slice(-40).join("\n")}`);
  }

  async dispose() {
    try {
      await this.stop();
    } finally {
      if (this.ownsDataDir) rmSync(this.dataDir, { recursive: true, force: true });
    }
  }

  // `maru check` on the stopped server's directory.
  check() {
    return run(["check", "--data-dir", join(this.dataDir, "data")]);
  }
}

import { resolve as resolvePath } from "node:path";
const MARU_BIN_ABSOLUTE = resolvePath(MARU_BIN);

// A port that was free a moment ago; only where the server cannot say which one it took.
export async function freePort() {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address();
  holder.close();
  await once(holder, "close");
  return port;
}

export async function startServer(options) {
  return new Server(options).start();
}

// A binary and a directory that a user without rights can reach.
function asNobody(args) {
  const directory = makeDataDir();
  chmodSync(directory, 0o755);
  const binary = join(directory, "maru");
  copyFileSync(MARU_BIN_ABSOLUTE, binary);
  chmodSync(binary, 0o755);
  return ["setpriv", ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups", binary, ...args]];
}
export const NOBODY = 65534;

// Runs the binary to its end. Rejects if it does not end by itself. `nobody`: as a user whom file
// modes stop, for root is stopped by none.
export function run(args, { env = {}, cwd, nobody = false, timeoutMs = 20_000 * SLOWNESS } = {}) {
  return new Promise((resolve, reject) => {
    const [command, all] = nobody ? asNobody(args) : [MARU_BIN_ABSOLUTE, args];
    const child = spawn(command, all, {
      cwd, env: cleanEnvironment(env), stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === null) return resolve({ code, stdout, stderr });
      reject(new Error(`maru ${args.join(" ")}: ${signal} after ${timeoutMs} ms at most\n${stdout}${stderr}`));
    });
  });
}
