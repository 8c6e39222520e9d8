// F1: kill -9 under load. After each restart every acknowledged message is there once, sequences are
// dense, what is not acknowledged is resent with its clientMsgId and ends up there once, and
// `maru check` agrees. MARU_KILLS cycles (CI: 10; 20 by hand).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, Server } from "../support/server.mjs";
import { call, createGroup, join, login, open, until } from "../support/api.mjs";

const KILLS = Number(process.env.MARU_KILLS ?? 10);
const CLIENTS = 50;
const ROOMS = 5;

class Sender {
  constructor(server, user, chat, index) {
    Object.assign(this, { server, user, chat, index });
    this.next = 0;
    this.acked = new Map(); // clientMsgId → {sequence, content}
    this.duplicates = 0;
    this.running = true;
  }
  start() {
    this.socket = open(this.server, {
      token: this.user.token, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100,
    });
    this.done = this.loop();
  }
  async connected() {
    while (!this.socket.connected) await sleep(5);
  }
  async loop() {
    while (this.running) {
      const id = `c${this.index}-${this.next++}`;
      const content = `text of ${id}`;
      for (;;) {
        await this.connected();
        try {
          const answer = await this.socket.timeout(3000 * SLOWNESS).emitWithAck("sendMessage", {
            chatId: this.chat._id, content, clientMsgId: id,
          });
          if (answer.ok) {
            if (answer.duplicate) this.duplicates += 1;
            assert.equal(answer.message.content, content);
            this.acked.set(id, answer.message);
            break;
          }
          assert.ok(["unavailable", "overloaded"].includes(answer.error.code), JSON.stringify(answer));
        } catch (error) {
          if (error.code === "ERR_ASSERTION") throw error;
          // Unknown: the same clientMsgId again.
        }
      }
    }
  }
}

async function historyOf(server, chat, token) {
  const all = [];
  for (;;) {
    const page = await call(server, "GET", `/api/messages/${chat._id}?after=${all.length}&limit=1000`, { token });
    assert.equal(page.status, 200, page.text);
    if (page.json.length === 0) return all;
    all.push(...page.json);
  }
}

test(`kill -9 under load, ${KILLS} times`, { timeout: (60_000 + KILLS * 20_000) * SLOWNESS }, async () => {
  const server = new Server({ args: ["--rate-limits", "off"] });
  await server.start();
  const readyAfter = [];
  try {
    const users = await Promise.all(Array.from({ length: CLIENTS }, () => login(server)));
    const rooms = [];
    for (let r = 0; r < ROOMS; ++r) rooms.push(await createGroup(server, users[0], users));
    const senders = users.map((user, i) => new Sender(server, user, rooms[i % ROOMS], i));
    senders.forEach((sender) => sender.start());

    for (let kill = 0; kill < KILLS; ++kill) {
      // At any moment of a load: nothing is proved by waiting.
      await sleep((500 + Math.random() * 2000) * Math.min(SLOWNESS, 2));
      await server.kill();
      const checked = await server.check();
      assert.equal(checked.code, 0, `check after kill ${kill}: ${checked.stdout}${checked.stderr}`);
      await server.start(); // on the same port: the clients come back by themselves
      readyAfter.push(server.readyAfterMs);
    }
    // Each has been acknowledged something since the last start.
    const acked = senders.map((sender) => sender.acked.size);
    await until(() => senders.every((sender, i) => sender.acked.size > acked[i]), "sends after the last kill", 60_000);
    senders.forEach((sender) => (sender.running = false));
    await Promise.all(senders.map((sender) => sender.done));

    let messages = 0;
    for (const [r, room] of rooms.entries()) {
      const history = await historyOf(server, room, users[0].token);
      messages += history.length;
      assert.deepEqual(history.map((m) => m.sequence), history.map((_, i) => i + 1), "dense");
      const byId = new Map();
      for (const message of history) {
        assert.ok(!byId.has(message.clientMsgId), `twice: ${message.clientMsgId}`);
        byId.set(message.clientMsgId, message);
      }
      for (const sender of senders.filter((_, i) => i % ROOMS === r)) {
        for (const [id, message] of sender.acked) {
          assert.deepEqual(byId.get(id), message, `acknowledged ${id}`);
        }
        // Its sends keep their order.
        const own = history.filter((m) => m.from === sender.user.id).map((m) => Number(m.clientMsgId.split("-")[1]));
        assert.deepEqual(own, own.map((_, i) => i));
      }
    }
    const duplicates = senders.reduce((sum, sender) => sum + sender.duplicates, 0);
    senders.forEach((sender) => sender.socket.disconnect());
    await server.stop();
    const checked = await server.check();
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    console.log(`F1: ${KILLS} kills, ${messages} messages, 0 acked lost, ${duplicates} resends found stored, ` +
      `restart to ready ${Math.max(...readyAfter).toFixed(0)} ms at most`);
  } finally {
    await server.dispose();
  }
});

// Readers map the file: what the disk cannot give arrives as SIGBUS.
test("a mapped page that cannot be read ends the process with a reason", { timeout: 60_000 * SLOWNESS }, async () => {
  const EXIT_STORE_FATAL = 70;
  const server = new Server();
  await server.start();
  try {
    server.child.kill("SIGBUS");
    const { code } = await server.exited;
    assert.equal(code, EXIT_STORE_FATAL);
    assert.ok(server.log.some((line) => JSON.parse(line).event === "store_fatal"), server.log.at(-1));
    await server.start();
  } finally {
    await server.dispose();
  }
});
