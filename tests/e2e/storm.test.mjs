// A reconnect storm: 500 clients in 5 rooms are cut and come back while 200 messages a second flow
// (40 a room). Everyone ends with 1..N by live events and `sync` alone, nothing shown twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, startServer } from "../support/server.mjs";
import { ChatView, call, connect, createGroup, join, login, open, send, syncAll, until } from "../support/api.mjs";

const ROOMS = 5;
const CLIENTS_PER_ROOM = 99; // and one sender each
const SECONDS = Number(process.env.MARU_STORM_SECONDS ?? 8);

let server;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
});
after(() => server.dispose());

// A client as the contract describes it: applies last + 1, drops what it has, syncs on a gap.
class Client {
  constructor(user, chat) {
    this.user = user;
    this.chat = chat;
    this.view = new ChatView();
    this.syncs = 0;
    this.reconnects = 0;
  }
  async start() {
    this.socket = open(server, {
      token: this.user.token, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 400,
    });
    this.socket.on("message", (message) => {
      if (!this.view.apply(message)) this.sync();
    });
    this.socket.on("connect", () => {
      this.reconnects += 1;
      this.sync();
    });
    await until(() => this.syncs > 0 && !this.syncing, "first sync", 60_000);
  }
  sync() {
    if (this.syncing) {
      this.again = true;
      return;
    }
    this.syncing = syncAll(this.socket, new Map([[this.chat._id, this.view]]))
      .then(() => { this.syncs += 1; }, () => {}) // cut while asking: the next connect asks again
      .finally(() => {
        this.syncing = null;
        if (this.again && this.socket.connected) {
          this.again = false;
          this.sync();
        }
      });
  }
}

// By saying good-bye to the transport, or by destroying it without a word.
function cutOff(socket, politely) {
  const engine = socket.io.engine;
  if (engine === undefined) return; // in the middle of coming back
  if (politely || engine.transport?.ws === undefined) return engine.close();
  engine.transport.ws.terminate();
}

test("everyone ends with 1..N", { timeout: 170_000 * SLOWNESS }, async () => {
  const rooms = [];
  for (let r = 0; r < ROOMS; ++r) {
    const sender = await login(server);
    const users = await Promise.all(Array.from({ length: CLIENTS_PER_ROOM }, () => login(server)));
    const chat = await createGroup(server, sender, [sender, ...users]);
    const socket = await connect(server, { token: sender.token });
    await join(socket, chat);
    rooms.push({ chat, socket, sent: 0, clients: users.map((user) => new Client(user, chat)) });
  }
  const clients = rooms.flatMap((room) => room.clients);
  await Promise.all(clients.map((client) => client.start()));

  const started = performance.now();
  let flowing = true;
  const senders = rooms.map(async (room) => {
    const unanswered = [];
    while (flowing) {
      const due = ((performance.now() - started) / 1000) * 40;
      while (room.sent < due) unanswered.push(send(room.socket, room.chat, `m ${++room.sent}`, `s-${room.sent}`));
      await sleep(5);
    }
    const answers = await Promise.all(unanswered);
    assert.ok(answers.every((answer) => answer.ok && !answer.duplicate));
  });
  // Everybody is cut three times, some in the middle of coming back.
  for (let cut = 0; cut < 3; ++cut) {
    await sleep((SECONDS * 1000) / 4);
    clients.forEach((client, i) => cutOff(client.socket, (i + cut) % 2 === 0));
  }
  await sleep((SECONDS * 1000) / 4);
  flowing = false;
  await Promise.all(senders);

  for (const room of rooms) {
    const head = room.sent;
    await until(() => room.clients.every((c) => c.view.last === head && !c.syncing), "everyone at the head", 60_000);
    for (const client of room.clients) {
      assert.deepEqual(client.view.messages.map((m) => m.sequence), Array.from({ length: head }, (_, i) => i + 1));
    }
    const newest = await call(server, "GET", `/api/messages/${room.chat._id}?limit=1`, { token: room.clients[0].user.token });
    assert.equal(newest.json[0].sequence, head);
  }
  const total = (name) => clients.reduce((sum, client) => sum + client[name], 0);
  console.log(`storm: ${clients.length} clients, ${rooms.reduce((s, r) => s + r.sent, 0)} messages, ` +
    `${total("reconnects") - clients.length} reconnects, ${total("syncs")} syncs`);
  for (const socket of [...clients.map((c) => c.socket), ...rooms.map((r) => r.socket)]) socket.disconnect();
});
