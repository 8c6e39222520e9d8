// F5: system calls of the real binary that fail under load (strace injects them). A failed sync ends
// the process with 70, and nothing that it acknowledged is missing afterwards; a failed write is
// answered `unavailable` and the server goes on.
// MARU_INJECTIONS of each kind (CI: 4; 50 by hand).
// Needs strace and the right to trace; says so loudly where there is none.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, Server } from "../support/server.mjs";
import { call, createGroup, login, open } from "../support/api.mjs";

const INJECTIONS = Number(process.env.MARU_INJECTIONS ?? 8);
const CLIENTS = 8;
const EXIT_STORE_FATAL = 70;

function whyNotTraceable() {
  if (spawnSync("strace", ["-V"]).status !== 0) return "strace is not installed (tools/setup test)";
  const tried = spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=9999", "true"]);
  return tried.status === 0 ? null : `strace may not trace: ${tried.stderr}`;
}

// Attaches to the server; resolves when it traces. `inject` is strace's, e.g. fsync,fdatasync:error=EIO:when=3.
async function injectInto(server, calls, inject) {
  const tracer = spawn("strace", ["-f", "-p", String(server.child.pid), "-o", "/dev/null",
    "-e", `trace=${calls}`, "-e", `inject=${calls}:${inject}`], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => tracer.once("exit", resolve));
  await new Promise((resolve, reject) => {
    let said = "";
    tracer.stderr.on("data", (chunk) => {
      said += chunk;
      if (said.includes("attached")) resolve();
    });
    ended.then(() => reject(new Error(`strace ended: ${said}`)));
  });
  return { detach: async () => { tracer.kill("SIGINT"); await ended; }, ended };
}

// Sends until told to stop; notes what was acknowledged and what was refused.
class Load {
  constructor(server, user, chat, index) {
    Object.assign(this, { chat, index, acked: [], refused: [], unknown: [], running: true, next: 0 });
    this.socket = open(server, { token: user.token, reconnection: false });
    this.done = this.loop();
  }
  async loop() {
    while (this.running) {
      const clientMsgId = `c${this.index}-${this.next++}`;
      const answer = await this.socket.timeout(2000 * SLOWNESS)
        .emitWithAck("sendMessage", { chatId: this.chat._id, content: clientMsgId, clientMsgId })
        .catch(() => null);
      if (answer === null) this.unknown.push(clientMsgId);
      if (answer === null && !this.socket.connected) break; // the server has gone
      if (answer === null) continue;
      if (answer.ok) this.acked.push(clientMsgId);
      else this.refused.push(answer.error.code);
    }
  }
  async stop() {
    this.running = false;
    await this.done;
    this.socket.disconnect();
  }
}

async function idsIn(server, chat, token) {
  const ids = [];
  for (;;) {
    const page = await call(server, "GET", `/api/messages/${chat._id}?after=${ids.length}&limit=1000`, { token });
    assert.equal(page.status, 200, page.text);
    page.json.forEach((message, i) => assert.equal(message.sequence, ids.length + i + 1, "dense"));
    if (page.json.length === 0) return ids;
    ids.push(...page.json.map((message) => message.clientMsgId));
  }
}

async function withServer(body) {
  const server = new Server({ args: ["--rate-limits", "off"] });
  await server.start();
  try {
    const users = await Promise.all(Array.from({ length: CLIENTS }, () => login(server)));
    const chat = await createGroup(server, users[0], users);
    await body(server, users, chat);
  } finally {
    await server.dispose().catch(() => {});
  }
}

const reason = whyNotTraceable();
if (reason) console.error(`F5 NOT RUN: ${reason}`);
const options = { skip: reason ?? false, timeout: (60_000 + INJECTIONS * 30_000) * SLOWNESS };

test(`a failed sync ends the process, ${INJECTIONS} times`, options, async () => {
  let acknowledged = 0;
  await withServer(async (server, users, chat) => {
    const acked = new Set();
    for (let round = 0; round < INJECTIONS; ++round) {
      // Not the second after a start: that is SQLite's sync of the directory, whose failure it passes over.
      // The server has synced the directory itself by then.
      const nth = [1, 3 + Math.floor(Math.random() * 58)][round % 2];
      const tracer = await injectInto(server, "fsync,fdatasync", `error=EIO:when=${nth}`);
      const load = users.map((user, i) => new Load(server, user, chat, `${round}-${i}`));
      const { code, signal } = await Promise.race([
        server.exited,
        sleep(20_000 * SLOWNESS).then(() => ({ code: "still running" })),
      ]);
      assert.equal(code, EXIT_STORE_FATAL, `sync ${nth} failed: ended with ${code ?? signal}`);
      assert.ok(server.log.some((line) => line.includes('"event":"store_fatal"')), "says why");
      await Promise.all(load.map((one) => one.stop()));
      await tracer.ended;
      for (const one of load) one.acked.forEach((id) => acked.add(id));
      const checked = await server.check();
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
      await server.start();
    }
    const stored = await idsIn(server, chat, users[0].token);
    const there = new Set(stored);
    assert.equal(there.size, stored.length, "once");
    for (const id of acked) assert.ok(there.has(id), `acknowledged ${id} is lost`);
    acknowledged = acked.size;
  });
  console.log(`F5: ${INJECTIONS} failed syncs, ${acknowledged} acknowledged, 0 lost`);
});

for (const error of ["ENOSPC", "EIO"]) {
  test(`a write that fails with ${error} is refused and forgotten`, options, async () => {
    await withServer(async (server, users, chat) => {
      const load = users.map((user, i) => new Load(server, user, chat, i));
      const acks = () => load.reduce((sum, one) => sum + one.acked.length, 0);
      const refusals = () => load.reduce((sum, one) => sum + one.refused.length, 0);
      const inTime = async (condition, what) => {
        for (let waited = 0; !condition() && waited < 10_000 * SLOWNESS; waited += 20) await sleep(20);
        assert.ok(condition(), `${what}: ${server.log.slice(-5).join("\n")}`);
      };
      // One in flight each: whoever has another ack has heard every refusal that was on its way.
      const allGoOn = () => {
        const then = load.map((one) => one.acked.length);
        return inTime(() => load.every((one, i) => one.acked.length > then[i]), "it goes on");
      };
      for (let round = 0; round < INJECTIONS; ++round) {
        await allGoOn();
        const before = refusals(); // the first write may fail before the tracer has said that it is there
        const nth = 1 + Math.floor(Math.random() * 20);
        const tracer = await injectInto(server, "pwrite64", `error=${error}:when=${nth}..${nth + 3}`);
        await inTime(() => refusals() > before, "the fault was met");
        await tracer.detach();
        assert.ok(server.alive(), server.log.slice(-5).join("\n"));
      }
      await allGoOn();
      await Promise.all(load.map((one) => one.stop()));
      for (const one of load) {
        for (const code of one.refused) assert.equal(code, "unavailable");
      }
      const stored = new Set(await idsIn(server, chat, users[0].token));
      for (const one of load) {
        for (const id of one.acked) assert.ok(stored.has(id), `acknowledged ${id} is lost`);
      }
      const unknown = load.reduce((sum, one) => sum + one.unknown.length, 0);
      assert.ok(stored.size - acks() <= unknown, "nothing that was refused is there");
      await server.stop();
      const checked = await server.check();
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
      console.log(`F5: ${INJECTIONS} × 4 writes failed with ${error}, ${acks()} acknowledged, 0 lost, 0 false`);
    });
  });
}
