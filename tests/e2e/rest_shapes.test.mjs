// Every REST shape of the original, field by field, with and without /api; and what Maru adds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../support/server.mjs";
import { call, connect, createGroup, createPersonal, login, uniqueName, until } from "../support/api.mjs";

const ID = /^[0-9a-f]{24}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

let server, a, b, group, personal;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
  a = await login(server, uniqueName("가나"));
  b = await login(server, uniqueName("김현"));
  group = await createGroup(server, a, [a], "모임");
  personal = await createPersonal(server, a, b);
});
after(() => server.dispose());

// A pattern: a RegExp tests a string, a function a value, an array of one pattern each element of an
// array that has some; anything else must be equal. An object has exactly the keys of its pattern.
function fits(value, pattern, path = "$") {
  if (pattern instanceof RegExp) {
    assert.equal(typeof value, "string", path);
    assert.match(value, pattern, path);
  } else if (typeof pattern === "function") {
    assert.ok(pattern(value), `${path}: ${JSON.stringify(value)}`);
  } else if (Array.isArray(pattern)) {
    assert.ok(Array.isArray(value), path);
    assert.notEqual(value.length, 0, `${path} is empty: nothing was compared`);
    value.forEach((element, i) => fits(element, pattern[0], `${path}[${i}]`));
  } else if (pattern !== null && typeof pattern === "object") {
    assert.ok(value !== null && typeof value === "object", path);
    assert.deepEqual(Object.keys(value).sort(), Object.keys(pattern).sort(), path);
    for (const key of Object.keys(pattern)) fits(value[key], pattern[key], `${path}.${key}`);
  } else {
    assert.deepEqual(value, pattern, path);
  }
}
const orNull = (pattern) => (value) => value === null || pattern.test(value);
const isNumber = (value) => Number.isInteger(value);
const isBool = (value) => typeof value === "boolean";

const brief = { _id: ID, userName: /./, id: ID };
const chatWith = (owner) => ({
  _id: ID, id: ID, chatName: /./, number: isNumber, active: true, isPersonal: isBool, owner, users: [ID],
  newMessages: false, deletedAt: null, createdAt: TIME, updatedAt: TIME, __v: 0,
});
const message = {
  _id: ID, id: ID, chatId: ID, chatNumber: isNumber, from: orNull(ID), fromUserName: /./, to: orNull(ID),
  toUserName: (v) => v === null || typeof v === "string", content: /./, sequence: isNumber, type: /^(text|system)$/,
  clientMsgId: (v) => v === null || typeof v === "string", createdAt: TIME, updatedAt: TIME, editedAt: null,
  deletedAt: null, __v: 0, system: null,
};
const user = {
  _id: ID, userName: /./, active: isBool, deletedAt: null, createdAt: TIME, updatedAt: TIME, __v: 0, id: ID, userId: ID,
  accountType: /^(guest|account)$/, lastSeenAt: orNull(TIME),
};

for (const prefix of ["", "/api"]) {
  const get = (path, token = a.token) => call(server, "GET", prefix + path, { token });

  test(`${prefix}/users/login and logout`, async () => {
    const userName = uniqueName("로그인");
    const answer = await call(server, "POST", `${prefix}/users/login`, { body: { userName } });
    assert.equal(answer.status, 200);
    fits(answer.json, { ...user, userName, accountType: "guest", token: TOKEN, expiresAt: TIME });
    assert.equal(answer.json.id, answer.json._id);
    assert.equal(answer.json.userId, answer.json._id);
    const cookie = answer.headers.get("set-cookie");
    assert.match(cookie, /^maru=/);
    for (const word of ["HttpOnly", "SameSite=Lax", "Path=/"]) assert.ok(cookie.includes(word), cookie);
    assert.ok(!cookie.includes("Secure"));
    const taken = await call(server, "POST", `${prefix}/users/login`, { body: { userName } });
    assert.equal(taken.status, 409);
    assert.equal(taken.json.code, "name_taken");
    const out = await call(server, "POST", `${prefix}/users/logout`, { token: answer.json.token, body: {} });
    assert.equal(out.status, 200);
    assert.deepEqual(out.json, { message: "Logout successful" });
    // The guest has ended: the name is free for a new id.
    const next = await call(server, "POST", `${prefix}/users/login`, { body: { userName } });
    assert.equal(next.status, 200);
    assert.notEqual(next.json._id, answer.json._id);
  });

  test(`${prefix}/users and search`, async () => {
    // Online is who has a connection: the answer must hold that one, and then no more.
    assert.deepEqual((await get("/users")).json, []);
    const socket = await connect(server, { token: b.token });
    const online = await until(async () => {
      const answer = await get("/users");
      return answer.json.length > 0 && answer;
    }, "b is online");
    fits(online.json, [brief]);
    assert.deepEqual(online.json, [{ _id: b.id, userName: b.userName, id: b.id }]);
    assert.equal((await get(`/users/search?query=${encodeURIComponent(b.userName)}`)).json[0].active, true);
    socket.disconnect();
    await until(async () => (await get("/users")).json.length === 0, "b is offline", 30_000);
    for (const query of ["김", "현", "ㄱㅎ", "ㅎ", b.userName, b.userName.slice(2).toUpperCase()]) {
      const found = await get(`/users/search?query=${encodeURIComponent(query)}`);
      fits(found.json, [{ _id: ID, userName: /./, active: isBool, id: ID }]);
      assert.ok(found.json.some((u) => u._id === b.id), query);
    }
    assert.deepEqual((await get("/users/search?query=")).json, []);
  });

  test(`${prefix}/chats`, async () => {
    const created = await call(server, "POST", `${prefix}/chats`, {
      token: a.token, body: { chatName: "새 방", isPersonal: false, owner: a.id, users: [a.id, b.id] },
    });
    assert.equal(created.status, 200);
    fits(created.json, { ...chatWith(a.id), chatName: "새 방", isPersonal: false });
    assert.deepEqual(new Set(created.json.users), new Set([a.id, b.id]));
    const page = await get("/chats?page=1&limit=6");
    fits(page.json, { chats: [chatWith(brief)], totalPages: isNumber, currentPage: 1 });
    assert.equal(page.json.chats[0]._id, created.json._id, "newest first");
    assert.ok(page.json.chats.length <= 6);
    assert.ok(page.json.chats.every((c) => !c.isPersonal));
    assert.equal((await get("/chats?page=0&limit=100000")).json.currentPage, 1, "limits clamp");
    fits((await get(`/chats/one-to-one/${a.id}?page=1&limit=4`)).json,
      { chats: [{ ...chatWith(brief), isPersonal: true }], totalPages: 1, currentPage: 1 });
    const groups = await get(`/chats/group/${a.id}`);
    assert.ok(Array.isArray(groups.json));
    fits(groups.json, [{ ...chatWith(brief), isPersonal: false }]);
    const one = await get(`/chats/${group.number}`);
    assert.deepEqual(Object.keys(one.json).sort(), ["_id", "chatName", "id", "isPersonal", "users"]);
    assert.equal(one.json._id, group._id);
    const none = await get("/chats/99999999");
    assert.equal(none.status, 200);
    assert.equal(none.text, "null");
  });

  test(`${prefix}/messages/:chat`, async () => {
    const room = await createGroup(server, a, [a, b]);
    for (let i = 1; i <= 5; ++i) {
      await call(server, "POST", `/api/messages/${room._id}`, { token: a.token, body: { content: `글 ${i}` } });
    }
    const all = await get(`/messages/${room._id}`);
    fits(all.json, [message]);
    assert.deepEqual(all.json.map((m) => m.sequence), [1, 2, 3, 4, 5]);
    assert.ok(all.json.every((m) => m.from === a.id && m.fromUserName === a.userName && m.to === null));
    const span = async (query) => {
      const answer = await get(`/messages/${room._id}?${query}`);
      return [answer.json.map((m) => m.sequence), answer.headers.get("x-first-sequence"),
        answer.headers.get("x-last-sequence"), answer.headers.get("x-has-more")];
    };
    assert.deepEqual(await span("limit=2"), [[4, 5], "4", "5", "true"]);
    assert.deepEqual(await span("before=3"), [[1, 2], "1", "2", "false"]);
    assert.deepEqual(await span("after=1&limit=2"), [[2, 3], "2", "3", "true"]);
    assert.deepEqual((await span("around=3&limit=3"))[0], [2, 3, 4]);
  });
}

test("system messages are stored", async () => {
  const room = await createGroup(server, a);
  await call(server, "POST", `/api/chats/${room._id}/join`, { token: b.token, body: {} });
  await call(server, "POST", `/api/chats/${room._id}/leave`, { token: b.token, body: {} });
  const page = await call(server, "GET", `/api/messages/${room._id}`, { token: a.token });
  fits(page.json, [{
    ...message, from: null, to: null, fromUserName: "system", toUserName: b.userName, type: "system",
    system: { event: /^(join|leave)$/, userId: ID, memberCount: isNumber },
  }]);
  assert.deepEqual(page.json.map((m) => [m.sequence, m.content, m.system]), [
    [1, "입장", { event: "join", userId: b.id, memberCount: 2 }],
    [2, "퇴장", { event: "leave", userId: b.id, memberCount: 1 }],
  ]);
});

test("register, passwords, sessions", async () => {
  const userName = uniqueName("계정");
  const made = await call(server, "POST", "/api/users/register", { body: { userName, password: "아주 긴 비밀번호 1" } });
  assert.equal(made.status, 201);
  assert.equal(made.json.accountType, "account");
  const wrong = await call(server, "POST", "/api/users/login", { body: { userName, password: "다른 비밀번호예요" } });
  const unknown = await call(server, "POST", "/api/users/login", { body: { userName: uniqueName(), password: "다른 비밀번호예요" } });
  for (const answer of [wrong, unknown]) {
    assert.equal(answer.status, 401);
    assert.equal(answer.json.code, "invalid_credentials");
  }
  const again = await call(server, "POST", "/api/users/login", {
    body: { userName: userName.normalize("NFD"), password: "아주 긴 비밀번호 1" },
  });
  assert.equal(again.status, 200);
  assert.equal(again.json._id, made.json._id);
  const token = again.json.token;
  const sessions = await call(server, "GET", "/api/users/me/sessions", { token });
  fits(sessions.json, {
    sessions: [{ id: ID, createdAt: TIME, lastUsedAt: TIME, userAgent: () => true, current: isBool }],
  });
  assert.equal(sessions.json.sessions.length, 2);
  const other = sessions.json.sessions.find((s) => !s.current);
  assert.equal((await call(server, "DELETE", `/api/users/me/sessions/${other.id}`, { token })).status, 204);
  assert.equal((await call(server, "GET", "/api/users/me", { token: made.json.token })).status, 401);
  const me = await call(server, "GET", "/api/users/me", { token });
  fits(me.json, { ...user, _id: made.json._id, userName, accountType: "account" });
  const changed = await call(server, "PATCH", "/api/users/me", {
    token, body: { currentPassword: "아주 긴 비밀번호 1", password: "더 긴 새 비밀번호 2" },
  });
  assert.equal(changed.status, 200, changed.text);
  assert.equal((await call(server, "POST", "/api/users/login", {
    body: { userName, password: "아주 긴 비밀번호 1" },
  })).status, 401);
});

test("a guest sets a password and keeps id and chats", async () => {
  const guest = await login(server);
  const room = await createGroup(server, guest);
  const changed = await call(server, "PATCH", "/api/users/me", { token: guest.token, body: { password: "longer than eight" } });
  assert.equal(changed.status, 200, changed.text);
  await call(server, "POST", "/api/users/logout", { token: guest.token, body: {} });
  const back = await call(server, "POST", "/api/users/login", {
    body: { userName: guest.userName, password: "longer than eight" },
  });
  assert.equal(back.json._id, guest.id);
  const groups = await call(server, "GET", `/api/chats/group/${guest.id}`, { token: back.json.token });
  assert.deepEqual(groups.json.map((c) => c._id), [room._id]);
});

test("chats/mine pages by cursor", async () => {
  const user = await login(server);
  const made = [];
  for (let i = 0; i < 5; ++i) made.push((await createGroup(server, user))._id);
  await call(server, "POST", `/api/messages/${made[0]}`, { token: user.token, body: { content: "last one" } });
  const seen = [];
  let cursor = "";
  for (let page = 0; page < 10; ++page) {
    const answer = await call(server, "GET", `/api/chats/mine?limit=2&cursor=${cursor ?? ""}`, { token: user.token });
    assert.equal(answer.status, 200, answer.text);
    seen.push(...answer.json.chats);
    cursor = answer.json.cursor;
    if (!cursor) break;
  }
  assert.deepEqual(new Set(seen.map((c) => c._id)), new Set(made));
  assert.equal(seen.length, 5);
  const first = seen.find((c) => c._id === made[0]);
  assert.equal(first.lastMessage.content, "last one");
});

test("the OpenAPI document is served", async () => {
  const answer = await call(server, "GET", "/api/openapi.json");
  assert.match(answer.json.openapi, /^3\.1/);
  for (const path of ["/users/login", "/messages/{chat}", "/chats/{number}", "/healthz"]) {
    assert.ok(Object.keys(answer.json.paths).some((p) => p.endsWith(path)), path);
  }
});
