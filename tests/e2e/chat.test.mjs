// Stock clients over every transport, in a group and a 1:1.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer } from "../support/server.mjs";
import {
  CLIENTS, TRANSPORTS, ask, call, connect, createGroup, createPersonal, join, login, send, texts, until,
} from "../support/api.mjs";

let server;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
});
after(() => server.dispose());

for (const client of Object.keys(CLIENTS)) {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    describe(`socket.io-client ${client}, ${name}`, () => {
      test("two clients in a group", async () => {
        const [a, b] = [await login(server), await login(server)];
        const group = await createGroup(server, a);
        const sockets = await Promise.all([a, b].map((u) =>
          connect(server, { token: u.token, client, transports })));
        try {
          for (const socket of sockets) await join(socket, group);
          if (name === "upgrade") {
            await until(() => sockets.every((s) => s.io.engine.transport.name === "websocket"), "upgrade");
          }
          const answers = [];
          for (let i = 0; i < 10; ++i) {
            answers.push(await send(sockets[i % 2], group, `안녕 ${i}`, `m-${i}`));
          }
          assert.ok(answers.every((answer) => answer.ok && answer.duplicate === false));
          const wanted = Array.from({ length: 10 }, (_, i) => `안녕 ${i}`);
          for (const socket of sockets) {
            await until(() => texts(socket).length === 10, "all messages");
            assert.deepEqual(texts(socket), wanted);
          }
          // The joiner sees her own arrival and everything after it, gap-free.
          const sequences = sockets[1].received.map((m) => m.sequence);
          assert.deepEqual(sequences, sequences.map((_, i) => sequences[0] + i));
          assert.equal(sockets[1].received[0].content, "입장");
        } finally {
          sockets.forEach((s) => s.disconnect());
        }
      });

      test("a 1:1, which nobody else can join, read or learn of", async () => {
        const [a, b, c] = [await login(server), await login(server), await login(server)];
        const chat = await createPersonal(server, a, b);
        assert.deepEqual((await createPersonal(server, b, a))._id, chat._id);
        const sockets = await Promise.all([a, b, c].map((u) =>
          connect(server, { token: u.token, client, transports })));
        try {
          await join(sockets[0], chat);
          await join(sockets[1], chat);
          const refused = await ask(sockets[2], "joinRoom", { chatId: chat._id, number: chat.number });
          assert.equal(refused.ok, false);
          assert.equal(refused.error.code, "not_found");
          assert.equal((await send(sockets[2], chat, "let me in")).error.code, "not_found");
          assert.equal((await call(server, "GET", `/api/messages/${chat._id}`, { token: c.token })).status, 404);
          assert.equal((await call(server, "GET", `/api/chats/${chat.number}`, { token: c.token })).text, "null");
          const sent = await send(sockets[0], chat, "둘만", "one");
          assert.equal(sent.message.to, b.id);
          assert.equal(sent.message.toUserName, b.userName);
          await until(() => texts(sockets[1]).length === 1, "the message");
          assert.deepEqual(texts(sockets[1]), ["둘만"]);
          assert.deepEqual(texts(sockets[2]), []);
        } finally {
          sockets.forEach((s) => s.disconnect());
        }
      });
    });
  }
}

test("a resend of the same clientMsgId is one message, another text a conflict", async () => {
  const a = await login(server);
  const group = await createGroup(server, a);
  const socket = await connect(server, { token: a.token });
  try {
    await join(socket, group);
    const first = await send(socket, group, "once", "same-id");
    const again = await send(socket, group, "once", "same-id");
    assert.equal(again.duplicate, true);
    assert.deepEqual(again.message, first.message);
    assert.equal((await send(socket, group, "other", "same-id")).error.code, "idempotency_conflict");
    const rest = await call(server, "POST", `/api/messages/${group._id}`, {
      token: a.token, body: { content: "once", clientMsgId: "same-id" },
    });
    assert.equal(rest.status, 200);
    assert.equal(rest.json.duplicate, true);
    const page = await call(server, "GET", `/api/messages/${group._id}`, { token: a.token });
    assert.deepEqual(page.json.filter((m) => m.type === "text").map((m) => m.content), ["once"]);
  } finally {
    socket.disconnect();
  }
});

test("binary is answered not_text and the connection stays", async () => {
  const a = await login(server);
  const group = await createGroup(server, a);
  const socket = await connect(server, { token: a.token });
  try {
    await join(socket, group);
    const answer = await ask(socket, "sendMessage", { chatId: group._id, content: Buffer.from([1, 2, 3]) });
    assert.equal(answer.ok, false);
    assert.equal(answer.error.code, "not_text");
    assert.ok((await send(socket, group, "still here")).ok);
  } finally {
    socket.disconnect();
  }
});

test("without a live session the CONNECT is refused", async () => {
  for (const auth of [{}, { token: "x".repeat(43) }, { token: 7 }]) {
    await assert.rejects(connect(server, { auth }), (error) =>
      error.message === "unauthenticated" && error.data.code === "unauthenticated");
  }
});

test("logout closes that session's sockets at once, with 41", async () => {
  const a = await login(server);
  const socket = await connect(server, { token: a.token });
  const gone = new Promise((resolve) => socket.once("disconnect", resolve));
  await call(server, "POST", "/api/users/logout", { token: a.token, body: {} });
  assert.equal(await gone, "io server disconnect");
  assert.equal((await call(server, "GET", "/api/users/me", { token: a.token })).status, 401);
});

test("presence comes from live sockets", async () => {
  const [a, b] = [await login(server), await login(server)];
  const group = await createGroup(server, a, [a, b]);
  const watcher = await connect(server, { token: a.token });
  const pushed = [];
  watcher.on("presence", (event) => pushed.push(event));
  let other;
  try {
    await join(watcher, group);
    const snapshot = await ask(watcher, "watchPresence", { userIds: [b.id] });
    assert.equal(snapshot.ok, true);
    other = await connect(server, { token: b.token });
    await until(() => pushed.some((p) => p.userId === b.id && p.active), "presence pushed");
    const online = await call(server, "GET", "/api/users", { token: a.token });
    assert.ok(online.json.some((u) => u._id === b.id && u.userName === b.userName));
  } finally {
    watcher.disconnect();
    other?.disconnect();
  }
});

test("leaveRoom leaves a group after its grace, unless it is taken back", async () => {
  const [a, b] = [await login(server), await login(server)];
  const group = await createGroup(server, a, [a, b]);
  const [first, second] = await Promise.all([1, 2].map(() => connect(server, { token: b.token })));
  const members = async () => (await call(server, "GET", `/api/chats/${group.number}`, { token: a.token })).json.users;
  try {
    await join(first, group);
    const taken = ask(first, "leaveRoom", { chatId: group._id });
    // Answered after the leave was taken up: a socket's events are done in their order.
    assert.equal((await ask(first, "nonsense", {})).error.code, "not_found");
    await join(second, group);
    assert.deepEqual(await taken, { ok: true, left: false });
    assert.equal((await members()).length, 2);
    assert.deepEqual(await ask(second, "leaveRoom", { chatId: group._id }), { ok: true, left: true });
    assert.deepEqual(await members(), [a.id]);
    assert.equal((await send(second, group, "x")).error.code, "not_member");
  } finally {
    first.disconnect();
    second.disconnect();
  }
});

test("what one socket asks for at once is done in its order", async () => {
  const a = await login(server);
  const sender = await connect(server, { token: a.token });
  try {
    for (let round = 0; round < 5; ++round) {
      const group = await createGroup(server, a);
      const b = await login(server);
      const socket = await connect(server, { token: b.token });
      const ref = { chatId: group._id, number: group.number };
      // The first join's answer promises every record after it, its own included.
      const [one, two] = await Promise.all([ask(socket, "joinRoom", ref), ask(socket, "joinRoom", ref)]);
      assert.deepEqual([one.sequence, two.sequence], [0, 1]);
      await until(() => socket.received.length === 1, "the own join");
      // By number a look comes first: the send must not overtake it.
      const other = await createGroup(server, a);
      const [joined, sent] = await Promise.all([
        ask(socket, "joinRoom", { number: other.number }), ask(socket, "sendMessage", { chatId: other._id, content: "hi" }),
      ]);
      assert.ok(joined.ok && sent.ok);
      const [left, again] = await Promise.all([ask(socket, "leaveRoom", ref), ask(socket, "joinRoom", ref)]);
      assert.equal(left.left, false);
      assert.ok(again.ok);
      await send(sender, group, "live");
      await until(() => texts(socket).includes("live"), "the live message");
      socket.disconnect();
    }
    // A leave right after a join is a leave.
    const group = await createGroup(server, a);
    const b = await login(server);
    const socket = await connect(server, { token: b.token });
    const [joined, left] = await Promise.all([
      ask(socket, "joinRoom", { chatId: group._id }), ask(socket, "leaveRoom", { chatId: group._id }),
    ]);
    assert.ok(joined.ok);
    assert.equal(left.left, true);
    socket.disconnect();
  } finally {
    sender.disconnect();
  }
});

test("a user goes offline ten seconds after the last socket, with the time last seen", async () => {
  const [a, b] = [await login(server), await login(server)];
  await createGroup(server, a, [a, b]);
  const watcher = await connect(server, { token: a.token });
  const pushed = [];
  watcher.on("presence", (event) => pushed.push({ ...event, at: Date.now() }));
  try {
    const other = await connect(server, { token: b.token });
    await ask(watcher, "watchPresence", { userIds: [b.id] });
    await until(async () => (await ask(watcher, "watchPresence", { userIds: [b.id] })).presence[0].active, "online");
    const left = Date.now();
    other.disconnect();
    const event = await until(() => pushed.find((one) => one.active === false), "offline", 25_000);
    // No slowness brings it forward: the server cannot hear of the end before it was asked for.
    assert.ok(event.at - left >= 9_900, `offline after ${event.at - left} ms`);
    assert.ok(Math.abs(Date.parse(event.lastSeenAt) - left) < 5_000, event.lastSeenAt);
  } finally {
    watcher.disconnect();
  }
});

test("presence ends with the last chat that two users share", async () => {
  const [a, b, c] = [await login(server), await login(server), await login(server)];
  const group = await createGroup(server, b, [b, a]);
  await createGroup(server, c, [c, a]);
  const watcher = await connect(server, { token: a.token });
  const pushed = [];
  watcher.on("presence", (event) => pushed.push(event));
  const removed = new Promise((resolve) => watcher.once("chatRemoved", resolve));
  try {
    assert.equal((await ask(watcher, "watchPresence", { userIds: [b.id] })).presence.length, 1);
    await call(server, "POST", `/api/chats/${group._id}/leave`, { token: a.token, body: {} });
    await removed;
    // The watch ends with a look into the store that was asked for before these are.
    for (let looks = 0; looks < 8; ++looks) await ask(watcher, "watchPresence", { userIds: [c.id] });
    const other = await connect(server, { token: b.token });
    // Somebody who came later and is still watched: what was to be said of b would have come before.
    const later = await connect(server, { token: c.token });
    await until(() => pushed.some((event) => event.userId === c.id && event.active), "the later one");
    assert.deepEqual(pushed.filter((event) => event.userId === b.id), []);
    assert.deepEqual((await ask(watcher, "watchPresence", { userIds: [b.id] })).presence, []);
    other.disconnect();
    later.disconnect();
  } finally {
    watcher.disconnect();
  }
});

test("a sync may name a thousand chats", async () => {
  const a = await login(server);
  const socket = await connect(server, { token: a.token });
  try {
    const chats = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [String(i + 1).padStart(24, "0"), i]));
    const answer = await ask(socket, "sync", { epoch: "x", chats });
    assert.equal(answer.ok, true, JSON.stringify(answer.error));
    assert.equal(answer.removed.length, 1000);
  } finally {
    socket.disconnect();
  }
});
