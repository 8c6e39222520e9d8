// Stock clients as they are: 57 messages at once, a graceful restart after which all of them come
// back by themselves, and 60 long messages that waited for it, flushed at once.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join as joinPath } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { io as newest } from "socket.io-client";
import { io as io40 } from "socket.io-client-4.0";
import { io as io44 } from "socket.io-client-4.4";
import { io as io475 } from "socket.io-client-4.7.5";
import { makeCertificate } from "../support/certificate.mjs";
import { makeDataDir, SLOWNESS, startServer } from "../support/server.mjs";
import { call, connect, createGroup, login, send, TRANSPORTS, until } from "../support/api.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const CLIENTS = { "4.0": io40, 4.4: io44, "4.7.5": io475, newest };
const AT_ONCE = 57;
const QUEUED = 60;
const LONG = "가".repeat(990);
const patienceMs = 30_000 * SLOWNESS;

let server;
const args = ["--rate-limits", "off"];
const dataDir = makeDataDir();
before(async () => (server = await startServer({ args, dataDir })));
after(() => server.dispose());

// What the test sees of a client, whatever it is written in.
class JavaScriptClient {
  heard = [];
  told = false;
  connects = 0;
  acks = [];
  constructor(io, transports, user, { url = server.url, ...options } = {}) {
    this.socket = io(url, { transports, forceNew: true, auth: { token: user.token }, ...options });
    this.socket.on("message", (message) => message.type === "text" && this.heard.push(message.content));
    this.socket.on("serverDraining", () => (this.told = true));
    this.socket.on("disconnect", (reason) => (this.reason = reason));
    this.socket.on("connect", () => ++this.connects);
  }
  join(chat) {
    return new Promise((resolve) => this.socket.emit("joinRoom", { chatId: chat._id }, resolve));
  }
  // Stock clients keep these until they are connected again, but for what they send before they have
  // seen that the server is gone.
  async sendLater(chat) {
    await until(() => !this.socket.connected, "disconnected");
    for (let i = 0; i < QUEUED; ++i) {
      this.socket.emit("sendMessage", { chatId: chat._id, content: `${i} ${LONG}`, clientMsgId: `q${i}` },
        (answer) => this.acks.push(answer));
    }
  }
  end() {
    this.socket.disconnect();
  }
}

// tests/e2e/python_come_back.py says what it sees, a JSON object a line.
class PythonClient {
  heard = [];
  told = false;
  connects = 0;
  acks = [];
  constructor(kind, transports, user) {
    this.child = spawn("/usr/bin/python3", [joinPath(here, "python_come_back.py"), server.url, user.token, kind, ...transports],
      { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const { connected, told, heard, acked, joined } = JSON.parse(line);
      if (connected) ++this.connects;
      if (told) this.told = true;
      if (heard !== undefined) this.heard.push(heard);
      if (acked) this.acks.push(acked);
      if (joined) this.joined(joined);
    });
  }
  join(chat) {
    this.child.stdin.write(`join ${chat._id}\n`);
    return new Promise((resolve) => (this.joined = resolve));
  }
  // It has no queue of its own: it sends all when it is connected again.
  sendLater(chat) {
    this.child.stdin.write(`later ${chat._id} ${QUEUED}\n`);
  }
  end() {
    this.child.kill("SIGKILL");
  }
}

const cells = [];
for (const transports of [["polling"], ["websocket"]]) {
  for (const [version, io] of Object.entries(CLIENTS)) {
    cells.push([`JavaScript ${version}, ${transports}`, (user) => new JavaScriptClient(io, transports, user)]);
  }
  cells.push([`Python (Debian's), ${transports}`, (user) => new PythonClient("asynchronous", transports, user)]);
}

describe("stock clients", () => {
  const all = new Map();
  after(() => all.forEach(({ client }) => client.end()));

  test("hear 57 messages that come at once", { timeout: 2 * patienceMs }, async () => {
    const sender = await login(server);
    const sending = await connect(server, { token: sender.token });
    await Promise.all(cells.map(async ([name, open]) => {
      const user = await login(server);
      const chat = await createGroup(server, user, [user, sender]);
      const client = open(user);
      all.set(name, { user, chat, client });
      await until(() => client.connects === 1, `${name}: connected`);
      assert.equal((await client.join(chat)).ok, true, name);
    }));
    for (const [name, { chat, client }] of all) {
      const answers = Array.from({ length: AT_ONCE }, (_, i) => send(sending, chat, `${i}`));
      assert.ok((await Promise.all(answers)).every((answer) => answer.ok), name);
      await until(() => client.heard.length === AT_ONCE, `${name}: all of them`);
      assert.deepEqual(client.heard, Array.from({ length: AT_ONCE }, (_, i) => `${i}`), name);
      assert.equal(client.connects, 1, `${name}: connected all the time`);
    }
    sending.disconnect();
  });

  test("come back after a graceful restart and deliver what they had queued", { timeout: 4 * patienceMs }, async () => {
    await server.stop();
    for (const [name, { client, chat }] of all) {
      assert.equal(client.told, true, `${name}: told that the server drains`);
      assert.notEqual(client.reason, "io server disconnect", name);
      await client.sendLater(chat);
    }
    server = await startServer({ args, dataDir, port: server.port });
    await Promise.all([...all].map(async ([name, { client, user, chat }]) => {
      await until(() => client.connects >= 2, `${name}: connected again`, patienceMs);
      await until(() => client.acks.length === QUEUED, `${name}: all acknowledged`, patienceMs);
      assert.ok(client.acks.every((ack) => ack.ok), `${name}: ${JSON.stringify(client.acks.find((ack) => !ack.ok))}`);
      const page = await call(server, "GET", `/api/messages/${chat._id}`, { token: user.token });
      const stored = page.json.filter((message) => message.type === "text").map((message) => message.content);
      assert.deepEqual(stored.slice(-QUEUED), Array.from({ length: QUEUED }, (_, i) => `${i} ${LONG}`), name);
      assert.equal(client.connects, 2, `${name}: connected all the time`);
    }));
  });
});

// By wss and https: the end of TLS must be no good-bye either.
test("JavaScript clients come back over TLS", { timeout: 4 * patienceMs }, async (t) => {
  const home = makeDataDir();
  const plain = await startServer({ args, dataDir: home });
  const user = await login(plain);
  const chat = await createGroup(plain, user);
  await plain.stop();
  const { ca, args: tlsArgs } = makeCertificate(home);
  const start = () => startServer({ args: [...args, ...tlsArgs], dataDir: home, port: plain.port });
  let secure = await start();
  let clients = [];
  t.after(async () => {
    clients.forEach(([, client]) => client.end());
    await secure.stop();
  });
  const url = `https://127.0.0.1:${plain.port}`;
  clients = Object.entries(CLIENTS).flatMap(([version, io]) =>
    Object.entries(TRANSPORTS).map(([name, transports]) => [`JavaScript ${version}, ${name}`,
      new JavaScriptClient(io, transports, user, { url, ca })]));
  for (const [name, client] of clients) {
    await until(() => client.connects === 1, `${name}: connected`);
    assert.equal((await client.join(chat)).ok, true, name);
    const ends = name.endsWith("polling") ? "polling" : "websocket";
    await until(() => client.socket.io.engine.transport.name === ends, `${name}: its transport`);
  }
  await secure.stop();
  secure = await start();
  const restarted = performance.now();
  await Promise.all(clients.map(async ([name, client]) => {
    // A client waits up to 5 s before it tries again. One that had to find out by itself takes 45 s.
    await until(() => client.connects === 2, `${name}: connected again`, 15_000);
    client.backAfterMs = performance.now() - restarted;
    assert.equal(client.told, true, `${name}: told that the server drains`);
    assert.equal((await client.join(chat)).ok, true, name);
  }));
  const latest = Math.round(Math.max(...clients.map(([, client]) => client.backAfterMs)));
  console.log(`over TLS: ${clients.length} clients back, the last ${latest} ms after the start`);
  assert.equal((await send(clients.at(-1)[1].socket, chat, "again")).ok, true);
  for (const [name, client] of clients) {
    await until(() => client.heard.includes("again"), `${name}: hears`);
    assert.equal(client.connects, 2, `${name}: connected all the time`);
  }
});

test("binary over polling as Java and Android send it is not_text, and the session lives", async () => {
  const user = await login(server);
  const url = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const sid = JSON.parse((await (await fetch(url)).text()).slice(1)).sid;
  const post = (body) => fetch(`${url}&sid=${sid}`, { method: "POST", body, headers: { "content-type": "text/plain" } });
  await post(`40${JSON.stringify({ token: user.token })}`);
  // An event before the answer to the CONNECT would break the protocol.
  assert.match(await (await fetch(`${url}&sid=${sid}`)).text(), /^40\{/);
  const line = Buffer.alloc(57, 7).toString("base64");
  const answer = await post(`451-1["sendMessage",{"content":{"_placeholder":true,"num":0}}]\x1eb${line}\n${line}\n`);
  assert.equal(answer.status, 200);
  const heard = [];
  await until(async () => {
    const poll = await fetch(`${url}&sid=${sid}`);
    assert.equal(poll.status, 200);
    heard.push(...(await poll.text()).split("\x1e"));
    return heard.some((packet) => packet.startsWith("431["));
  }, "its answer");
  assert.match(heard.find((packet) => packet.startsWith("431[")), /"code":"not_text"/);
});
