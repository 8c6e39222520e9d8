// Answers that nobody reads, and sessions for which nobody answers: what they hold is bounded.
import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { call, createGroup, login } from "../support/api.mjs";
import { SLOWNESS, startServer } from "../support/server.mjs";

const MIB = 1024 * 1024;

async function metric(server, name) {
  const { text } = await call(server, "GET", "/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line.slice(name.length + 1));
}
const held = (server) => metric(server, 'maru_budget_used{budget="answer_bytes"}');

async function until(condition, what) {
  const end = Date.now() + 20_000 * SLOWNESS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, what);
    await sleep(20);
  }
}

// A group with `count` messages of 1,000 characters of four bytes: 4 KB each.
async function longChat(server, users, count) {
  const chat = (await createGroup(server, users[0], users))._id;
  const body = { content: "\u{1F600}".repeat(1000) };
  for (let sent = 0; sent < count; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, () =>
      call(server, "POST", `/api/messages/${chat}`, { token: users[0].token, body })));
  }
  return chat;
}

// Connections that ask and never read.
async function askAndNeverRead(server, count, requestOf) {
  const sockets = [];
  for (let i = 0; i < count; ++i) {
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write(requestOf(i));
    sockets.push(socket);
  }
  return sockets;
}

test("a page of history ends at 1 MiB, whatever side it comes from", async (t) => {
  const server = await startServer({ args: ["--rate-limits", "off"] });
  t.after(() => server.dispose());
  const user = await login(server);
  const chat = await longChat(server, [user], 400);
  const page = async (query) => {
    const answer = await call(server, "GET", `/api/messages/${chat}${query}`, { token: user.token });
    assert.equal(answer.status, 200);
    assert.ok(answer.text.length <= MIB && Buffer.byteLength(answer.text) <= MIB, query);
    const sequences = answer.json.map((message) => message.sequence);
    sequences.forEach((sequence, i) => assert.equal(sequence, sequences[0] + i, query));
    assert.equal(Number(answer.headers.get("x-first-sequence")), sequences[0]);
    assert.equal(Number(answer.headers.get("x-last-sequence")), sequences.at(-1));
    return { first: sequences[0], last: sequences.at(-1), more: answer.headers.get("x-has-more") };
  };
  const newest = await page("");
  const head = newest.last;
  assert.ok(head >= 400 && newest.first > 100 && newest.more === "true", JSON.stringify(newest));
  const before = await page(`?before=${newest.first}`);
  assert.equal(before.last, newest.first - 1);
  const oldest = await page("?after=0");
  assert.ok(oldest.first === 1 && oldest.last < head && oldest.more === "true", JSON.stringify(oldest));
  const next = await page(`?after=${oldest.last}`);
  assert.ok(next.first === oldest.last + 1 && next.last === head && next.more === "false", JSON.stringify(next));
  const around = await page("?around=200");
  assert.ok(around.first < 200 && around.last > 200 && around.more === "true", JSON.stringify(around));
});

test("what clients do not read is bounded in all and of each user, and comes back", async (t) => {
  const budget = 16 * MIB;
  const server = await startServer({
    args: ["--rate-limits", "off", "--answer-bytes", String(budget), "--answer-bytes-per-user", String(4 * MIB)],
  });
  t.after(() => server.dispose());
  const users = await Promise.all(Array.from({ length: 5 }, () => login(server)));
  const chat = await longChat(server, users, 300);
  const resident = await metric(server, "process_resident_memory_bytes");
  const sockets = await askAndNeverRead(server, 200, (i) =>
    `GET /api/messages/${chat} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${users[i % 5].token}\r\n\r\n`);
  // Each user's calls come one after another, and each waits three seconds for room.
  await until(async () => (await metric(server, 'maru_budget_refused_total{budget="answer_bytes"}')) > 5,
    "calls past the mark are refused");
  assert.ok((await held(server)) <= budget + MIB, `${await held(server)} bytes`);
  // The readers' own pages come to some megabytes; a sanitizer keeps what is freed.
  if (SLOWNESS === 1) {
    const grown = (await metric(server, "process_resident_memory_bytes")) - resident;
    assert.ok(grown < budget + 32 * MIB, `${grown} bytes`);
  }
  const other = await login(server);
  assert.equal((await call(server, "GET", "/api/users/me", { token: other.token })).status, 200);
  sockets.forEach((socket) => socket.destroy());
  await until(async () => (await held(server)) === 0, "what the dead held comes back");
  assert.equal((await call(server, "GET", `/api/messages/${chat}`, { token: users[0].token })).status, 200);
});

test("in open mode a polling session without a login counts by address for as long as it polls", async (t) => {
  const server = await startServer({
    args: ["--auth", "open", "--io-threads", "1", "--connections-per-ip", "5", "--trusted-proxies", "127.0.0.1"],
  });
  t.after(() => server.dispose());
  const polling = "/socket.io/?EIO=4&transport=polling";
  const from = (address) => ({ headers: { "x-forwarded-for": address }, undocumented: "Engine.IO" });
  const open = async (address, body = "40") => {
    const opened = await call(server, "GET", polling, from(address));
    if (opened.status !== 200) return opened.status;
    const { sid } = JSON.parse(opened.text.slice(1));
    await call(server, "POST", `${polling}&sid=${sid}`, { body, ...from(address) });
    const joined = await call(server, "GET", `${polling}&sid=${sid}`, from(address));
    assert.match(joined.text, /^40/);
    return 200;
  };
  for (let i = 0; i < 5; ++i) assert.equal(await open("203.0.113.5"), 200);
  assert.equal(await open("203.0.113.5"), 503);
  assert.equal(await open("203.0.113.6"), 200);
  // A login answers for its sessions, and has a cap of its own.
  const user = await login(server);
  for (let i = 0; i < 7; ++i) {
    assert.equal(await open("203.0.113.7", `40${JSON.stringify({ token: user.token })}`), 200);
  }
});
