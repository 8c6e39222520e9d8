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
