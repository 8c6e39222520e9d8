// A cut connection misses nothing: by connection state recovery (no code in the client), and by sync.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { makeDataDir, startServer } from "../support/server.mjs";
import {
  CLIENTS, ChatView, ask, call, connect, createGroup, createPersonal, join, login, open, send, syncAll, texts, until,
} from "../support/api.mjs";

let server;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off", "--recovery", "on"] });
});
after(() => server.dispose());

function reconnecting(user, client, transports, { at = server, delayMs = 50 } = {}) {
  const socket = open(at, {
    token: user.token, client, transports, reconnection: true, reconnectionDelay: delayMs,
    reconnectionDelayMax: 2 * delayMs,
  });
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", reject);
  });
}

for (const client of Object.keys(CLIENTS)) {
  for (const transports of [["websocket"], ["polling"]]) {
    describe(`socket.io-client ${client}, ${transports}`, () => {
      test("recovery brings exactly the missed messages, before connect", async () => {
        const [a, b] = [await login(server), await login(server)];
        const group = await createGroup(server, a, [a, b]);
        const sender = await connect(server, { token: a.token });
        const listener = await reconnecting(b, client, transports);
        try {
          await join(sender, group);
          await join(listener, group);
          await send(sender, group, "before");
          await until(() => texts(listener).length === 1, "the first message");
          const id = listener.id;
          const again = new Promise((resolve) => listener.once("connect", resolve));
          listener.io.engine.close();
          for (const text of ["missed 1", "missed 2", "missed 3"]) await send(sender, group, text);
          await again;
          assert.equal(listener.recovered, true);
          assert.equal(listener.id, id);
          await send(sender, group, "after");
          await until(() => texts(listener).length === 5, "all messages");
          assert.deepEqual(texts(listener), ["before", "missed 1", "missed 2", "missed 3", "after"]);
        } finally {
          sender.disconnect();
          listener.disconnect();
        }
      });

      test("sync brings exactly what is missing", async () => {
        const [a, b] = [await login(server), await login(server)];
        const group = await createGroup(server, a, [a, b]);
        const sender = await connect(server, { token: a.token });
        const view = new ChatView();
        let listener = await connect(server, { token: b.token, client, transports, auth: { recovery: false } });
        try {
          await join(sender, group);
          for (let i = 0; i < 5; ++i) await send(sender, group, `early ${i}`);
          await syncAll(listener, new Map([[group._id, view]]));
          listener.disconnect();
          for (let i = 0; i < 250; ++i) await send(sender, group, `missed ${i}`);
          listener = await connect(server, { token: b.token, client, transports, auth: { recovery: false } });
          listener.on("message", (message) => view.apply(message));
          await syncAll(listener, new Map([[group._id, view]]));
          await send(sender, group, "live");
          await until(() => view.last === 256, "the live message");
          assert.deepEqual(view.messages.map((m) => m.sequence), Array.from({ length: 256 }, (_, i) => i + 1));
          assert.equal(view.gaps, 0);
        } finally {
          sender.disconnect();
          listener.disconnect();
        }
      });
    });
  }
}

test("who never heard a durable event is recovered too, from the offset of hello", async () => {
  const [a, b] = [await login(server), await login(server)];
  const group = await createGroup(server, a, [a, b]);
  const sender = await connect(server, { token: a.token });
  const listener = await reconnecting(b, "newest", ["websocket"]);
  try {
    await join(sender, group);
    await join(listener, group);
    const again = new Promise((resolve) => listener.once("connect", resolve));
    listener.io.engine.close();
    await send(sender, group, "missed");
    await again;
    assert.equal(listener.recovered, true);
    await until(() => texts(listener).includes("missed"), "the missed message");
  } finally {
    sender.disconnect();
    listener.disconnect();
  }
});

test("a client may choose for its own socket", async () => {
  const a = await login(server);
  const group = await createGroup(server, a);
  const [on, off] = [await connect(server, { token: a.token }),
    await connect(server, { token: a.token, auth: { recovery: false } })];
  const seen = { on: [], off: [] };
  on.on("message", (...args) => seen.on.push(args.length));
  off.on("message", (...args) => seen.off.push(args.length));
  try {
    await join(on, group);
    await join(off, group);
    await send(on, group, "hello");
    await until(() => seen.on.length && seen.off.length, "both");
    assert.deepEqual(seen, { on: [2], off: [1] });
  } finally {
    on.disconnect();
    off.disconnect();
  }
});

test("a revoked session is not recovered", async () => {
  const a = await login(server);
  const group = await createGroup(server, a);
  const socket = await reconnecting(a, "newest", ["websocket"]);
  await join(socket, group);
  const refused = new Promise((resolve) => socket.once("connect_error", resolve));
  socket.io.engine.close();
  await fetch(server.url + "/api/users/logout", {
    method: "POST", headers: { authorization: `Bearer ${a.token}`, "content-type": "application/json" }, body: "{}",
  });
  assert.equal((await refused).message, "unauthenticated");
  socket.disconnect();
});

test("sync far behind resets to the newest page", async () => {
  const a = await login(server);
  const group = await createGroup(server, a);
  const socket = await connect(server, { token: a.token });
  try {
    await join(socket, group);
    for (let i = 0; i < 1100; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, k) => send(socket, group, `m ${i + k}`)));
    }
    const answer = await ask(socket, "sync", { chats: { [group._id]: 0 } });
    const chat = answer.chats.find((c) => c.id === group._id);
    assert.equal(chat.reset, true);
    assert.equal(chat.to, 1100);
    assert.ok(chat.events.length > 0 && chat.events.length <= 100);
    assert.equal(chat.events.at(-1)[1].sequence, 1100);
  } finally {
    socket.disconnect();
  }
});

test("whoever was added to a chat while away gets a fresh socket, not a recovered one", async () => {
  const [a, b] = [await login(server), await login(server)];
  const group = await createGroup(server, a, [a, b]);
  const listener = await reconnecting(b, "newest", ["websocket"], { delayMs: 500 });
  try {
    await join(listener, group);
    const again = new Promise((resolve) => listener.once("connect", resolve));
    listener.io.engine.close();
    await createPersonal(server, a, b);
    await again;
    assert.equal(listener.recovered, false);
  } finally {
    listener.disconnect();
  }
});

test("a graceful restart in between changes nothing", async () => {
  const dataDir = makeDataDir();
  const args = ["--rate-limits", "off", "--recovery", "on"];
  let restarted = await startServer({ args, dataDir });
  const [a, b] = [await login(restarted), await login(restarted)];
  const group = await createGroup(restarted, a, [a, b]);
  const listener = await reconnecting(b, "newest", ["websocket"], { at: restarted, delayMs: 1500 });
  try {
    await join(listener, group);
    const post = (content) => call(restarted, "POST", `/api/messages/${group._id}`, { token: a.token, body: { content } });
    await post("before");
    await until(() => texts(listener).length === 1, "the first message");
    const again = new Promise((resolve) => listener.once("connect", resolve));
    const id = listener.id;
    await restarted.stop();
    restarted = await startServer({ args, dataDir, port: restarted.port });
    await post("missed");
    await again;
    assert.equal(listener.recovered, true);
    assert.equal(listener.id, id);
    await post("after");
    await until(() => texts(listener).length === 3, "all messages");
    assert.deepEqual(texts(listener), ["before", "missed", "after"]);
  } finally {
    listener.disconnect();
    await restarted.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

// A bare client, so that its old connection can stay open while a new one comes with its pid.
function bare(user, earlier = null) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    const client = { ws, events: [], disconnected: false, closed: new Promise((done) => ws.once("close", done)) };
    ws.once("error", reject);
    ws.on("message", (data) => {
      const packet = String(data);
      if (packet[0] === "0") {
        const past = earlier ? { pid: earlier.pid, offset: earlier.offset } : {};
        ws.send("40" + JSON.stringify({ token: user.token, recovery: true, ...past }));
      } else if (packet === "2") {
        ws.send("3");
      } else if (packet.startsWith("41")) {
        client.disconnected = true;
      } else if (packet.startsWith("40")) {
        Object.assign(client, JSON.parse(packet.slice(2)));
      } else if (packet.startsWith("430")) {
        client.answered = true;
      } else if (packet.startsWith("42")) {
        const event = JSON.parse(packet.slice(2));
        client.events.push(event);
        if (typeof event.at(-1) === "string") client.offset = event.at(-1);
        if (event[0] === "hello") resolve(client);
      }
    });
  });
}

test("a new connection with the pid of one that is still open takes over", async () => {
  const [a, b] = [await login(server), await login(server)];
  const group = await createGroup(server, a, [a, b]);
  const sender = await connect(server, { token: a.token });
  try {
    let client = await bare(b);
    client.ws.send("420" + JSON.stringify(["joinRoom", { chatId: group._id }]));
    await until(() => client.answered, "the answer of joinRoom");
    for (let round = 0; round < 6; ++round) {
      await send(sender, group, `m ${round}`);
      await until(() => client.events.some((e) => e[1]?.content === `m ${round}`), "the message");
      const next = await bare(b, client);
      assert.equal(next.sid, client.sid);
      assert.equal(next.pid, client.pid);
      await client.closed;
      assert.equal(client.disconnected, false, "closed without 41");
      client = next;
    }
    await send(sender, group, "last");
    await until(() => client.events.some((e) => e[1]?.content === "last"), "the last message");
    assert.equal(client.events.filter((e) => e[0] === "message").length, 1);
    client.ws.terminate();
  } finally {
    sender.disconnect();
  }
});

test("a socket that watches presence is recovered with its watches", async () => {
  const [a, b] = [await login(server), await login(server)];
  await createGroup(server, a, [a, b]);
  const listener = await reconnecting(a, "newest", ["websocket"]);
  const heard = [];
  listener.on("presence", (presence) => heard.push(presence));
  try {
    const watched = await ask(listener, "watchPresence", { userIds: [b.id] });
    assert.deepEqual(watched.presence.map(({ userId, active }) => [userId, active]), [[b.id, false]]);
    const again = new Promise((resolve) => listener.once("connect", resolve));
    listener.io.engine.close();
    await again;
    assert.equal(listener.recovered, true);
    await until(() => heard.length > 0, "how it is now");
    assert.deepEqual([heard[0].userId, heard[0].active], [b.id, false]);
    const other = await connect(server, { token: b.token });
    await until(() => heard.some(({ userId, active }) => userId === b.id && active), "a change of presence");
    other.disconnect();
  } finally {
    listener.disconnect();
  }
});

// Chats are joined while others are written to, and the connection is cut in the middle of it.
test("what comes while a chat is being joined has its offset, and comes once", async () => {
  const [a, b] = [await login(server), await login(server)];
  const busy = await createGroup(server, a, [a, b]);
  const quiet = await Promise.all(Array.from({ length: 40 }, () => createGroup(server, a, [a, b])));
  const sender = await connect(server, { token: a.token });
  const listener = await reconnecting(b, "newest", ["websocket"]);
  let without = 0;
  listener.on("message", (message, offset) => {
    if (typeof offset !== "string") without += 1;
  });
  try {
    await join(sender, busy);
    await join(listener, busy);
    let sent = 0;
    for (let round = 0; round < 4; ++round) {
      // One at a time, so that each message comes while its chat is being joined.
      for (const chat of quiet.slice(round * 10, round * 10 + 10)) {
        sender.emit("sendMessage", { chatId: busy._id, content: `${sent++}` });
        for (let again = 0; again < 3; ++again) listener.emit("joinRoom", { chatId: chat._id }, () => {});
        await until(() => texts(listener).includes(`${sent - 1}`), "a message");
      }
      sender.emit("sendMessage", { chatId: busy._id, content: `${sent++}` });
      listener.emit("joinRoom", { chatId: quiet[0]._id }, () => {});
      await new Promise((resolve) => listener.once("message", resolve));
      const again = new Promise((resolve) => listener.once("connect", resolve));
      listener.io.engine.transport.ws.terminate();
      await again;
      assert.equal(listener.recovered, true, `round ${round}`);
      await until(() => texts(listener).includes(`${sent - 1}`), "the last one");
    }
    assert.deepEqual(texts(listener), Array.from({ length: sent }, (_, i) => `${i}`));
    assert.equal(without, 0);
  } finally {
    sender.disconnect();
    listener.disconnect();
  }
});
