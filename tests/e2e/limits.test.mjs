// What one server can hold, and what it says and does at the bound; clients that say nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { resolve } from "node:path";
import { test } from "node:test";
import { MARU_BIN, SLOWNESS, Server, makeDataDir, run, startServer } from "../support/server.mjs";

const readyLine = (server) => JSON.parse(server.log.find((line) => line.includes('"event":"ready"')));

// The server behind a shell that sets the limits of open files.
class LimitedServer extends Server {
  constructor(limits, options) {
    super(options);
    this.limits = limits;
  }
  async start() {
    const args = ["--port", "0", "--host", "127.0.0.1", "--data-dir", `${this.dataDir}/data`, "--log-format", "json", ...this.args];
    this.child = spawn("sh", ["-c", `${this.limits}; exec "$0" "$@"`, resolve(MARU_BIN), ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.exited = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    let text = "";
    this.child.stderr.on("data", (chunk) => {
      text += chunk;
      this.log = text.split("\n");
    });
    const end = Date.now() + 20_000 * SLOWNESS;
    while (!text.includes('"event":"ready"')) {
      assert.ok(Date.now() < end && this.alive(), text);
      await new Promise((done) => setTimeout(done, 20));
    }
    this.port = readyLine(this).port;
    return this;
  }
}

// Open or refused, which the server tells by the end of the stream.
async function knock(port) {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  const answered = await Promise.race([
    once(socket, "data").then(() => true, () => false),
    once(socket, "close").then(() => false),
  ]);
  return { socket, answered };
}

test("the soft limit of open files is raised to the hard one", async (t) => {
  const server = await new LimitedServer("ulimit -Sn 300; ulimit -Hn 2000", {}).start();
  t.after(() => server.dispose());
  assert.equal(readyLine(server).connections_max, 2000 - 256);
});

test("--connections-max holds over all I/O threads, and reaching it is said once", async (t) => {
  const server = await startServer({ args: ["--connections-max", "20", "--io-threads", "4"] });
  t.after(() => server.dispose());
  assert.equal(readyLine(server).connections_max, 20);
  const knocks = [];
  for (let i = 0; i < 60; ++i) knocks.push(await knock(server.port));
  assert.equal(knocks.filter((k) => k.answered).length, 20);
  assert.equal(server.log.filter((line) => line.includes("connections_max_reached")).length, 1);
  for (const { socket } of knocks) socket.destroy();
  let again;
  for (let i = 0; i < 200 && !again?.answered; ++i) {
    again = await knock(server.port);
    again.socket.destroy();
  }
  assert.ok(again.answered);
});

test("a drain with eight I/O threads and mute clients ends within 4 s", async (t) => {
  const server = await startServer({ args: ["--io-threads", "8", "--auth", "open"] });
  t.after(() => server.dispose());
  const mute = [];
  for (let i = 0; i < 48; ++i) {
    const socket = connectTcp({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    mute.push(socket);
    if (i % 3 === 0) continue; // says nothing at all
    socket.write("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" +
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    await once(socket, "data");
    if (i % 3 === 1) socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30])); // joins
    socket.pause(); // and never reads or answers again
  }
  const started = performance.now();
  await server.stop();
  const tookMs = performance.now() - started;
  assert.ok(tookMs < 4000 * SLOWNESS, `${tookMs} ms`);
  for (const socket of mute) socket.destroy();
});

test("a certificate or key that cannot be read is named with its option and the reason", async () => {
  const refused = await run(["--port", "0", "--data-dir", makeDataDir(), "--tls-cert", "/nope.pem", "--tls-key", "/nope.key"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--tls-cert, --tls-key: cannot read the TLS certificate \/nope\.pem: No such file or directory/);
});
