// What others may do with a user: being put into chats needs no consent, so it must use up nothing
// that the user makes, joins or hears.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, makeDataDir, startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, createPersonal, join, login, send, texts, until } from "../support/api.mjs";

const MANY_LOGINS = ["--rate-ip-registers", "100000", "--rate-user-joins", "10000/10000"];

const newGroup = (server, owner, users) =>
  call(server, "POST", "/api/chats", { token: owner.token, body: { chatName: "g", isPersonal: false, users: users.map((u) => u.id) } });
const newPersonal = (server, owner, other) =>
  call(server, "POST", "/api/chats", { token: owner.token, body: { isPersonal: true, users: [other.id] } });

function assertOverQuota(answer, rule, limit) {
  assert.equal(answer.status, 429, answer.text);
  assert.equal(answer.json.code, "rate_limited");
  assert.equal(answer.json.errors[0].field, "users");
  assert.equal(answer.json.errors[0].code, rule);
  assert.equal(answer.json.errors[0].limit, limit);
  const wait = Number(answer.headers.get("retry-after"));
  assert.ok(wait > 86_000 && wait <= 86_400, `Retry-After ${wait}`);
}

test("one guest who puts others into chats locks them out of nothing, over a restart too", async () => {
  const dataDir = makeDataDir();
  const server = new Server({ args: MANY_LOGINS, dataDir });
  await server.start();
  try {
    const attacker = await login(server);
    const victims = await Promise.all(Array.from({ length: 99 }, () => login(server)));
    const answers = await Promise.all(Array.from({ length: 80 }, () => newGroup(server, attacker, victims)));
    assert.equal(answers.filter((a) => a.status === 200).length, 50);
    for (const refused of answers.filter((a) => a.status !== 200)) assertOverQuota(refused, "added_too_often", 50);

    await server.stop();
    await server.start();
    assertOverQuota(await newGroup(server, attacker, [victims[0]]), "added_too_often", 50);
    assert.equal((await newPersonal(server, await login(server), victims[0])).status, 200, "a stranger can write to them");

    // A victim makes a group, joins by either front end, opens a 1:1 and is added by who is known.
    const [victim] = victims;
    const friend = await login(server);
    assert.equal((await newGroup(server, victim, [])).status, 200);
    const byRest = await createGroup(server, friend);
    assert.equal((await call(server, "POST", `/api/chats/${byRest._id}/join`, { token: victim.token })).status, 201);
    const bySocket = await createGroup(server, friend);
    const socket = await connect(server, { token: victim.token });
    await join(socket, bySocket);
    assert.equal((await newGroup(server, friend, [victim])).status, 200);
    assert.equal((await newPersonal(server, friend, victim)).status, 200);
    assert.equal((await newPersonal(server, victim, victims[1])).status, 200, "and so can another victim");
    assertOverQuota(await newGroup(server, victim, [victims[2]]), "added_too_often", 50);
    socket.disconnect();

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^maru_chats_over_quota_total 2$/m);
  } finally {
    await server.dispose();
  }
});

test("a first group of 100 works, and strangers past the day's number are refused", async (t) => {
  const server = await startServer({ args: [...MANY_LOGINS, "--strangers-added-per-user", "101"] });
  t.after(() => server.dispose());
  const guest = await login(server);
  const members = await Promise.all(Array.from({ length: 99 }, () => login(server)));
  assert.equal((await newGroup(server, guest, members)).status, 200);
  assert.equal((await newGroup(server, guest, members)).status, 200, "the same people again");
  assert.equal((await newPersonal(server, guest, await login(server))).status, 200, "the hundredth");
  const one = await login(server);
  assertOverQuota(await newPersonal(server, guest, one), "too_many_strangers", 100);
  // Who comes of their own is no stranger.
  const group = await createGroup(server, guest);
  assert.equal((await call(server, "POST", `/api/chats/${group._id}/join`, { token: one.token })).status, 201);
  assert.equal((await newPersonal(server, guest, one)).status, 200);

  const account = await call(server, "POST", "/api/users/register", { body: { userName: "account", password: "a long pass phrase" } });
  assert.equal(account.status, 201, account.text);
  const owner = { id: account.json._id, token: account.json.token };
  assert.equal((await newGroup(server, owner, members)).status, 200);
  const two = [await login(server), await login(server)];
  assert.equal((await newGroup(server, owner, two)).status, 200);
  assertOverQuota(await newGroup(server, owner, [await login(server)]), "too_many_strangers", 101);
});

test("with 1,000 own chats and some by others, sync attaches to all and the next own one is refused", async (t) => {
  const server = await startServer({ args: ["--rate-limits", "off"] });
  t.after(() => server.dispose());
  const user = await login(server);
  const other = await login(server);
  let left = 999;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (left-- > 0) await createGroup(server, user);
  }));
  const public_ = await createGroup(server, other);
  const socket = await connect(server, { token: user.token });
  await join(socket, public_);
  const putIn = [];
  for (let i = 0; i < 40; ++i) putIn.push(await createGroup(server, other, [other, user]));
  putIn.push(await createPersonal(server, other, user));

  const refusedRest = await newGroup(server, user, []);
  assert.equal(refusedRest.status, 400, refusedRest.text);
  assert.deepEqual(refusedRest.json.errors[0].code, "too_many_chats");
  const one = await createGroup(server, other);
  const refusedSocket = await ask(socket, "joinRoom", { chatId: one._id, number: one.number });
  assert.equal(refusedSocket.error?.code, "validation_failed", JSON.stringify(refusedSocket));
  assert.equal((await call(server, "POST", `/api/chats/${one._id}/join`, { token: user.token })).status, 400);
  socket.disconnect();

  const fresh = await connect(server, { token: user.token });
  const found = new Set();
  let cursor = null;
  do {
    const answer = await ask(fresh, "sync", { chats: {}, ...(cursor ? { cursor } : {}) });
    assert.ok(answer.ok, JSON.stringify(answer));
    for (const chat of answer.chats) found.add(chat.id);
    cursor = answer.cursor;
  } while (cursor);
  assert.equal(found.size, 1041);
  // Attached to all: the first and the last of what others did.
  const sender = await connect(server, { token: other.token });
  for (const chat of [putIn[0], putIn.at(-1)]) {
    assert.ok((await send(sender, chat, `to ${chat._id}`)).ok);
    await until(() => texts(fresh).includes(`to ${chat._id}`), "a message in a chat of others");
  }
  fresh.disconnect();
  sender.disconnect();
});
