// A leaveRoom waits 2 s for its end. Any join that comes after it wins, by whichever way and on
// whichever I/O thread; a leave by REST does not wait.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, send } from "../support/api.mjs";

let server, owner, me, sockets;

before(async () => {
  server = await startServer({ args: ["--rate-limits", "off", "--io-threads", "3"] });
  [owner, me] = [await login(server), await login(server)];
  // Each new connection goes to a thread of the kernel's choice: so many are on all of them.
  sockets = await Promise.all(Array.from({ length: 12 }, () => connect(server, { token: me.token })));
});
after(async () => {
  for (const socket of sockets) socket.disconnect();
  await server.dispose();
});

const group = () => createGroup(server, owner, [owner, me]);
const rest = (chat, what) => call(server, "POST", `/api/chats/${chat._id}/${what}`, { token: me.token });

// The leave is asked when a later event of the same socket is answered. → its own answer, to come
async function leave(socket, chat) {
  const answer = ask(socket, "leaveRoom", { chatId: chat._id, number: chat.number });
  await ask(socket, "watchPresence", { userIds: [] });
  return { answer };
}
async function isMember(chat) {
  const answer = await call(server, "POST", `/api/messages/${chat._id}`, { token: me.token, body: { content: "here?" } });
  if (answer.status === 201) return true;
  assert.equal(answer.json.code, "not_member");
  return false;
}

describe("a leave by socket", { concurrency: true }, () => {
  test("ends the membership when nobody joins", async () => {
    const chat = await group();
    const { answer } = await leave(sockets[0], chat);
    assert.equal(await isMember(chat), true, "the grace has not ended");
    assert.deepEqual(await answer, { ok: true, left: true });
    assert.equal(await isMember(chat), false);
  });
  test("is taken back by a join by REST", async () => {
    const chat = await group();
    const { answer } = await leave(sockets[1], chat);
    assert.equal((await rest(chat, "join")).status, 200);
    assert.deepEqual(await answer, { ok: true, left: false });
    assert.equal(await isMember(chat), true);
  });
  test("is taken back by joinRoom on any socket", async () => {
    await Promise.all(sockets.map(async (joiner, i) => {
      const chat = await group();
      const { answer } = await leave(sockets[(i + 5) % sockets.length], chat);
      await join(joiner, chat);
      assert.deepEqual(await answer, { ok: true, left: false });
      assert.equal((await send(joiner, chat, "still here")).ok, true);
    }));
  });
  test("all that were asked are taken back by one join", async () => {
    const chat = await group();
    const leaves = [];
    for (const socket of sockets) leaves.push((await leave(socket, chat)).answer);
    await join(sockets[3], chat);
    for (const answer of await Promise.all(leaves)) assert.deepEqual(answer, { ok: true, left: false });
    assert.equal(await isMember(chat), true);
  });
  test("does not outlast a leave and a join by REST", async () => {
    const chat = await group();
    const { answer } = await leave(sockets[2], chat);
    assert.deepEqual((await rest(chat, "leave")).json.left, true);
    assert.equal(await isMember(chat), false, "a leave by REST does not wait");
    assert.equal((await rest(chat, "join")).status, 201);
    assert.deepEqual(await answer, { ok: true, left: false });
    assert.equal(await isMember(chat), true);
  });
  test("is taken back by the end of its socket", async () => {
    const [chat, other] = [await group(), await group()];
    const tab = await connect(server, { token: me.token });
    (await leave(tab, chat)).answer.catch(() => {}); // it never comes
    tab.io.engine.close();
    // Asked later, over earlier: when this one has ended, the grace of the first is over.
    const { answer } = await leave(sockets[4], other);
    assert.deepEqual(await answer, { ok: true, left: true });
    assert.equal(await isMember(chat), true);
  });
  test("asked after a join ends the membership", async () => {
    const chat = await group();
    await join(sockets[6], chat);
    const { answer } = await leave(sockets[7], chat);
    assert.deepEqual(await answer, { ok: true, left: true });
    assert.equal(await isMember(chat), false);
  });
  // Around the end of the grace, where the two race: whoever was told that they are in, is in.
  test("never overtakes a join that was answered", async () => {
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      const chat = await group();
      const { answer } = await leave(sockets[i % sockets.length], chat);
      await sleep(1940 + 2 * i);
      if (i % 2 === 0) {
        assert.ok((await rest(chat, "join")).status < 300);
      } else {
        await join(sockets[(i + 5) % sockets.length], chat);
      }
      assert.equal(await isMember(chat), true);
      assert.equal((await answer).ok, true);
      assert.equal(await isMember(chat), true);
    }));
  });
});
