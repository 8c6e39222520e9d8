// Memory that runs out (RLIMIT_AS of the running server): who does not read is dropped, the process
// lives, and serves again.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { io } from "socket.io-client";
import { call, createGroup, login } from "../support/api.mjs";
import { SLOWNESS, startServer } from "../support/server.mjs";

const MIB = 1024 * 1024;

// While memory is short, new connections are refused: asked again until one is taken.
async function persistently(what) {
  const end = Date.now() + 30_000 * SLOWNESS;
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(100);
    }
  }
}

const metric = (server, name) => persistently(async () => {
  const { text } = await call(server, "GET", "/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line.slice(name.length + 1));
});

async function until(condition, what) {
  const end = Date.now() + 30_000 * SLOWNESS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, what);
    await sleep(100);
  }
}

function leaveRoom(server, bytes) {
  const status = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
  const used = Number(/VmSize:\s+(\d+)/.exec(status)[1]) * 1024;
  execFileSync("prlimit", ["--pid", String(server.child.pid), `--as=${used + bytes}`]);
}

function neverRead(server, first) {
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(first);
  return socket;
}

// A client of the group, by the book but for reading: its frames are masked by zeros.
async function silentMember(server, token) {
  const text = (payload) =>
    Buffer.concat([Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]), Buffer.from(payload)]);
  const socket = neverRead(server,
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`);
  await once(socket, "connect");
  socket.write(text(`40${JSON.stringify({ token })}`.padEnd(200)));
  return socket;
}

test("want of memory drops those who do not read, and never ends the process", async (t) => {
  const server = await startServer({
    args: ["--rate-limits", "off", "--answer-bytes", String(4096 * MIB), "--answer-bytes-per-user", String(4096 * MIB)],
  });
  t.after(() => server.dispose());
  const users = await Promise.all(Array.from({ length: 5 }, () => login(server)));
  const chat = (await createGroup(server, users[0], users))._id;
  const content = "\u{1F600}".repeat(1000);
  const send = (n = 1) => Promise.all(Array.from({ length: n }, () =>
    call(server, "POST", `/api/messages/${chat}`, { token: users[0].token, body: { content } })));
  for (let i = 0; i < 6; ++i) await send(50);
  const witness = io(server.url, { auth: { token: users[1].token }, transports: ["websocket"], reconnectionDelay: 100 });
  t.after(() => witness.close());
  await once(witness, "connect");
  await witness.emitWithAck("joinRoom", { chatId: chat });
  const members = await Promise.all(Array.from({ length: 80 }, () => silentMember(server, users[2].token)));
  await until(async () => (await metric(server, "maru_websockets_open")) >= 81, "all are connected");
  leaveRoom(server, 48 * MIB);

  const sockets = [];
  for (let round = 0; round < 4; ++round) {
    for (let i = 0; i < 50; ++i) {
      sockets.push(neverRead(server,
        `GET /api/messages/${chat} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${users[i % 5].token}\r\n\r\n`));
    }
    await Promise.allSettled([send(25), sleep(500)]);
  }
  await until(async () => (await metric(server, "maru_memory_shortages_total")) > 0, "memory ran out");
  assert.ok(server.alive(), server.log.slice(-5).join("\n"));
  sockets.forEach((socket) => socket.destroy());
  members.forEach((socket) => socket.destroy());

  await until(async () => (await metric(server, "maru_memory_short")) === 0, "the reserve is whole again");
  for (const event of ["memory_short", "memory_recovered"]) {
    await until(async () => server.log.some((line) => line.includes(`"event":"${event}"`)), event);
  }
  assert.ok((await metric(server, "maru_shed_total")) > 0, "who did not read was dropped");
  const sent = await persistently(() => witness.timeout(5_000).emitWithAck("sendMessage", { chatId: chat, content: "and on" }));
  assert.ok(sent.ok, JSON.stringify(sent));
  const page = await persistently(() => call(server, "GET", `/api/messages/${chat}?limit=2`, { token: users[3].token }));
  assert.equal(page.status, 200);
  const sequences = page.json.map((message) => message.sequence);
  assert.equal(sequences[1], sequences[0] + 1);
  assert.ok(server.alive());
});
