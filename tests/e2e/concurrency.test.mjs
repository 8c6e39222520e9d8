// What must hold when many do the same thing at once (product.md C1, M5, idempotency).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, send } from "../support/api.mjs";

let server;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
});
after(async () => {
  await server.stop();
  const checked = await server.check();
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  await server.dispose();
});

test("200 concurrent joins leave exactly 100 members", async () => {
  const owner = await login(server);
  const group = await createGroup(server, owner);
  const users = await Promise.all(Array.from({ length: 200 }, () => login(server)));
  const answers = await Promise.all(users.map((u) =>
    call(server, "POST", `/api/chats/${group._id}/join`, { token: u.token, body: {} })));
  const joined = answers.filter((a) => a.status >= 200 && a.status < 300).length;
  const full = answers.filter((a) => a.status === 409 && a.json.code === "chat_full").length;
  assert.deepEqual({ joined, full }, { joined: 99, full: 101 });
  const brief = await call(server, "GET", `/api/chats/${group.number}`, { token: owner.token });
  assert.equal(brief.json.users.length, 100);
});

test("200 concurrent joins by socket and by REST leave exactly 100 members, each told once", async () => {
  const owner = await login(server);
  const group = await createGroup(server, owner);
  const users = await Promise.all(Array.from({ length: 200 }, () => login(server)));
  const sockets = await Promise.all(users.map((u, i) => (i % 2 === 0 ? connect(server, { token: u.token }) : null)));
  try {
    const answers = await Promise.all(users.map(async (u, i) => {
      if (sockets[i]) {
        const answer = await ask(sockets[i], "joinRoom", { chatId: group._id, number: group.number });
        return answer.ok ? "joined" : answer.error.code;
      }
      const answer = await call(server, "POST", `/api/chats/${group._id}/join`, { token: u.token, body: {} });
      return answer.status === 201 ? "joined" : answer.json.code;
    }));
    const count = (what, by) => answers.filter((a, i) => a === what && (sockets[i] ? "socket" : "rest") === by).length;
    const joined = { socket: count("joined", "socket"), rest: count("joined", "rest") };
    assert.equal(joined.socket + joined.rest, 99, JSON.stringify(answers));
    assert.equal(count("chat_full", "socket") + count("chat_full", "rest"), 101, JSON.stringify(answers));
    const members = (await call(server, "GET", `/api/chats/${group.number}`, { token: owner.token })).json.users;
    const expected = [owner.id, ...users.filter((_, i) => answers[i] === "joined").map((u) => u.id)];
    assert.deepEqual(new Set(members), new Set(expected));
    assert.equal(members.length, 100);
    const history = (await call(server, "GET", `/api/messages/${group._id}`, { token: owner.token })).json;
    assert.deepEqual(history.map((m) => m.sequence), Array.from({ length: 99 }, (_, i) => i + 1));
    assert.deepEqual(history.map((m) => m.system.memberCount), Array.from({ length: 99 }, (_, i) => i + 2));
    assert.equal(new Set(history.map((m) => m.system.userId)).size, 99);
    console.log(`joins: ${joined.socket} by socket, ${joined.rest} by REST, 101 refused`);
  } finally {
    sockets.forEach((s) => s?.disconnect());
  }
});

test("100 concurrent creates get 100 different numbers", async () => {
  const users = await Promise.all(Array.from({ length: 10 }, () => login(server)));
  const groups = await Promise.all(Array.from({ length: 100 }, (_, i) => createGroup(server, users[i % 10])));
  assert.equal(new Set(groups.map((g) => g.number)).size, 100);
});

test("one clientMsgId sent 50 times concurrently is one message", async () => {
  const user = await login(server);
  const group = await createGroup(server, user);
  const sockets = await Promise.all(Array.from({ length: 5 }, () => connect(server, { token: user.token })));
  try {
    await join(sockets[0], group);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) =>
      i % 5 === 0
        ? call(server, "POST", `/api/messages/${group._id}`, {
            token: user.token, body: { content: "하나", clientMsgId: "the-one" },
          }).then((a) => ({ message: a.json.message ?? a.json, duplicate: a.json.duplicate }))
        : send(sockets[i % 5], group, "하나", "the-one")));
    assert.equal(new Set(answers.map((a) => a.message.sequence)).size, 1);
    assert.equal(answers.filter((a) => !a.duplicate).length, 1);
    const page = await call(server, "GET", `/api/messages/${group._id}`, { token: user.token });
    assert.equal(page.json.filter((m) => m.type === "text").length, 1);
  } finally {
    sockets.forEach((s) => s.disconnect());
  }
});
