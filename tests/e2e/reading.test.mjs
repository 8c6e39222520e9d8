// Whoever reads much keeps nobody waiting who chats: floods of long reads whose clients hang up, a
// drain while hundreds wait, and a session that ends while its requests wait.
//
// The whole weight, with its figures (medians of the rounds):
//   MARU_READING_GROUPS=1000 MARU_READING_ROUNDS=5 node --test tests/e2e/reading.test.mjs
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, makeDataDir, startServer } from "../support/server.mjs";
import { call, connect, createGroup, login, until } from "../support/api.mjs";

const GROUPS = Number(process.env.MARU_READING_GROUPS ?? 120);
const MEMBERS = 100;
const WHOLE = GROUPS >= 1000;
const ROUNDS = Number(process.env.MARU_READING_ROUNDS ?? 1);
// Far above what is measured; a server whose reads keep others waiting is at twenty seconds.
const ME_P50_MS = 250 * SLOWNESS;
const CONNECT_MS = 3_000 * SLOWNESS;

const dataDir = makeDataDir();
let greedy; // in all of the groups
let honest;

before(async () => {
  const server = await startServer({ dataDir, args: ["--rate-limits", "off"] });
  const members = await Promise.all(Array.from({ length: MEMBERS }, () => login(server)));
  [greedy] = members;
  honest = await login(server);
  for (let i = 0; i < GROUPS; i += 20) {
    await Promise.all(Array.from({ length: Math.min(20, GROUPS - i) }, (_, k) =>
      createGroup(server, greedy, members, `group ${i + k}`)));
  }
  await server.stop();
});

function request(path, token) {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${token ? `Authorization: Bearer ${token}\r\n` : ""}\r\n`;
}

// Sends and is gone: a moment later, so that some have been taken on by then, which underAttack() looks for.
async function hangUp(server, path, token) {
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(request(path, token));
  await sleep(20);
  socket.destroy();
}

// Sends; the status of the answer, or 0 when the connection ended without one.
async function statusOf(server, path, token) {
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(request(path, token));
  let head = "";
  socket.on("data", (chunk) => {
    if (head.length < 12) head += chunk.toString("latin1");
  });
  await once(socket, "close").catch(() => {});
  return Number(/^HTTP\/1.1 (\d{3})/.exec(head)?.[1] ?? 0);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

// In ms; what fails never came.
async function timed(work) {
  const begun = performance.now();
  const came = await work().then(() => true, () => false);
  return came ? performance.now() - begun : Infinity;
}

// How others fare meanwhile: GET /users/me one after another, and CONNECTs.
async function measure(server) {
  const me = [];
  const connects = [];
  const asking = (async () => {
    for (let i = 0; i < 60; ++i) {
      me.push(await timed(() => call(server, "GET", "/api/users/me", { token: honest.token })));
    }
  })();
  for (let i = 0; i < 8; ++i) {
    connects.push(await timed(async () => {
      const socket = await connect(server, { token: honest.token });
      socket.disconnect();
    }));
  }
  await asking;
  return { meP50: median(me), meMax: Math.max(...me), connectMax: Math.max(...connects) };
}

async function metric(server, name) {
  const { text } = await call(server, "GET", "/metrics", { undocumented: "not JSON" });
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)[1]);
}

// hangsUp: calls must have been given up because their client had gone.
async function underAttack(name, args, attack, { hangsUp }) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; ++i) {
    const server = await startServer({ dataDir, args });
    try {
      // Before the clock runs: the first answer of a server brings the contract with it.
      await call(server, "GET", "/api/users/me", { token: honest.token });
      const attacking = attack(server);
      await until(async () => (await metric(server, "maru_connections_accepted_total")) > 50, "the attack comes");
      rounds.push(await measure(server));
      await attacking;
      const aborted = () => metric(server, "maru_http_calls_aborted_total");
      if (hangsUp) await until(async () => (await aborted()) > 0, "calls are given up");
    } finally {
      await server.stop();
    }
  }
  const of = (key) => median(rounds.map((round) => round[key]));
  const figures = { meP50: of("meP50"), meMax: of("meMax"), connectMax: of("connectMax") };
  if (WHOLE) console.log(JSON.stringify({ name, rounds: ROUNDS, ...figures }));
  assert.ok(figures.meP50 < ME_P50_MS, `GET /users/me takes ${figures.meP50} ms`);
  assert.ok(figures.connectMax < CONNECT_MS, `a CONNECT takes ${figures.connectMax} ms`);
}

const many = (count, one) => Promise.all(Array.from({ length: count }, (_, i) => one(i)));

test("480 long reads of clients that hung up", () =>
  underAttack("hung up", [], (server) =>
    many(480, () => hangUp(server, `/chats/group/${greedy.id}`, greedy.token)), { hangsUp: true }));

test("lists of 100 and of one's own, again and again", () =>
  underAttack("lists", [], (server) =>
    many(200, (i) => statusOf(server, i % 2 ? "/chats?limit=100" : "/api/chats/mine?limit=50", greedy.token)), { hangsUp: false }));

test("300 anonymous reads in open mode", () =>
  underAttack("open", ["--auth", "open"], (server) =>
    many(300, (i) => hangUp(server, i % 2 ? "/chats?limit=100" : `/chats/group/${greedy.id}`)), { hangsUp: true }));

test("with rate limits off lanes and turns hold as well", () =>
  underAttack("limits off", ["--rate-limits", "off"], (server) =>
    many(200, () => hangUp(server, `/chats/group/${greedy.id}`, greedy.token)), { hangsUp: true }));

test("past its turn and the few that wait a user is told to come again", async (t) => {
  const server = await startServer({ dataDir });
  t.after(() => server.stop());
  const statuses = await many(100, () => statusOf(server, `/chats/group/${greedy.id}`, greedy.token));
  const refused = statuses.filter((status) => status === 429).length;
  assert.equal(statuses.filter((status) => status === 200).length, 100 - refused);
  assert.ok(refused > 0);
});

test("a drain answers what waits and ends within four seconds", async () => {
  const server = await startServer({ dataDir, args: ["--rate-limits", "off"] });
  const answers = Array.from({ length: 400 }, () => statusOf(server, `/chats/group/${greedy.id}`, greedy.token));
  // All have come when they wait for the one that is being read.
  await until(async () => (await metric(server, "maru_bulk_queries_waiting")) >= 100, "a hundred waiting reads");
  const took = await timed(() => server.stop());
  const statuses = await Promise.all(answers);
  assert.deepEqual(statuses.filter((status) => status !== 200 && status !== 503), []);
  assert.ok(statuses.includes(503));
  if (WHOLE) console.log(JSON.stringify({ name: "drain", took, served: statuses.filter((s) => s === 200).length }));
  assert.ok(took < 4_500 * SLOWNESS, `the drain took ${took} ms`);
});

test("sends that wait for their rate are not stored after a logout", async (t) => {
  const server = await startServer();
  t.after(() => server.dispose());
  const owner = await login(server);
  const user = await login(server);
  const chat = await createGroup(server, owner, [owner, user]);
  const sends = Array.from({ length: 60 }, (_, i) =>
    call(server, "POST", `/api/messages/${chat.id}`, { token: user.token, body: { content: `${i}` } }));
  // The burst is stored, the others wait.
  const stored = async () => (await call(server, "GET", `/api/messages/${chat.id}`, { token: owner.token }))
    .json.filter((message) => message.type === "text").length;
  await until(async () => (await stored()) >= 20, "the burst");
  assert.equal((await call(server, "POST", "/api/users/logout", { token: user.token })).status, 200);
  const atLogout = await stored();
  const statuses = (await Promise.all(sends)).map((answer) => answer.status);
  assert.ok((await stored()) <= atLogout + 1);
  assert.ok(statuses.filter((status) => status === 401).length >= 20, String(statuses));
  assert.equal(statuses.filter((status) => status === 201).length, await stored());
});

