// Bad input gets a clear error, the process stays up, other clients notice nothing, nothing is lost.
import assert from "node:assert/strict";
import net from "node:net";
import { gzipSync } from "node:zlib";
import { after, before, test } from "node:test";
import { startServer } from "../support/server.mjs";
import {
  ask, call, connect, createGroup, createPersonal, join, login, send, texts, until,
} from "../support/api.mjs";

let server, honest, witness, group, socket, watcher;
let sent = 0;

before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
  honest = await login(server);
  witness = await login(server);
  group = await createGroup(server, honest, [honest, witness]);
  socket = await connect(server, { token: honest.token });
  watcher = await connect(server, { token: witness.token });
  await join(socket, group);
  await join(watcher, group);
});

after(async () => {
  // The witness heard every good message in order and nothing else, and never lost its connection.
  await until(() => texts(watcher).length === sent, "every good message");
  assert.deepEqual(texts(watcher), Array.from({ length: sent }, (_, i) => `good ${i}`));
  assert.ok(watcher.connected && socket.connected);
  socket.disconnect();
  watcher.disconnect();
  await server.dispose();
});

async function stillWell() {
  assert.ok(server.alive());
  const answer = await send(socket, group, `good ${sent}`);
  assert.equal(answer.ok, true);
  sent += 1;
}

function isProblem(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get("content-type"), /^application\/problem\+json/);
  assert.equal(answer.json.code, code);
  assert.equal(answer.json.status, status);
  assert.equal(typeof answer.json.error, "string");
  assert.equal(typeof answer.json.requestId, "string");
}

const REST = [
  ["GET", "/messages/abc", undefined, 400, "validation_failed"],
  ["GET", "/api/messages/abc", undefined, 400, "validation_failed"],
  ["GET", "/chats/abc", undefined, 400, "validation_failed"],
  ["GET", "/chats/group/abc", undefined, 400, "validation_failed"],
  ["GET", "/chats/one-to-one/abc", undefined, 400, "validation_failed"],
  ["GET", "/api/users/abc", undefined, 400, "validation_failed"],
  ["GET", "/api/users/0123456789abcdef01234567", undefined, 404, "not_found"],
  ["GET", "/api/messages/0123456789abcdef01234567", undefined, 404, "not_found"],
  ["POST", "/users/login", { $ne: null }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: { $ne: null } }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: { $gt: "" }, password: { $ne: null } }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: "nosql", password: { $ne: null } }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: "nosql", password: ["a"] }, 400, "validation_failed"],
  ["POST", "/api/users/register", { userName: { $ne: null }, password: "long enough 1" }, 400, "validation_failed"],
  ["POST", "/api/users/register", { userName: "nosql", password: { $ne: null } }, 400, "validation_failed"],
  ["PATCH", "/api/users/me", { password: { $ne: null } }, 400, "validation_failed"],
  ["PATCH", "/api/users/me", { password: "long enough 1", currentPassword: { $ne: null } }, 400, "validation_failed"],
  ["POST", "/users/login", '{"userName":"\\udc00"}', 400, "invalid_json"],
  ["POST", "/users/login", '{"userName":"a","password":"\\ud83d"}', 400, "invalid_json"],
  ["POST", "/users/login", '{"\\ud800":1,"userName":"a"}', 400, "invalid_json"],
  ["POST", "/users/login", { userName: 7 }, 400, "validation_failed"],
  ["POST", "/users/login", "null", 400, "validation_failed"],
  ["POST", "/users/login", "[]", 400, "validation_failed"],
  ["POST", "/users/login", "{", 400, "invalid_json"],
  ["POST", "/users/login", "", 400, "invalid_json"],
  ["POST", "/users/login", '{"userName":"a","userName":"b"}', 400, "invalid_json"],
  ["POST", "/users/login", '{"userName":"\\ud800"}', 400, "invalid_json"],
  ["POST", "/users/login", '{"userName":"a\\u0000b"}', 400, "validation_failed"],
  ["POST", "/users/login", '{"user\\u0000Name":"a"}', 400, "invalid_json"],
  ["POST", "/users/login", '{"a":'.repeat(1000) + "1" + "}".repeat(1000), 400, "invalid_json"],
  ["POST", "/users/login", "[".repeat(7_000), 400, "invalid_json"],
  ["POST", "/users/login", { userName: "x".repeat(31) }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: "   " }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: "a\u200bb" }, 400, "validation_failed"],
  ["POST", "/users/login", { userName: "system" }, 409, "name_taken"],
  ["POST", "/users/login", { userName: "ＳＹＳＴＥＭ" }, 409, "name_taken"],
  ["POST", "/users/login", { userName: "시스템" }, 409, "name_taken"],
  ["POST", "/api/users/register", { userName: "short", password: "1234567" }, 400, "validation_failed"],
  ["POST", "/api/users/register", { userName: "common", password: "password" }, 400, "validation_failed"],
  ["POST", "/api/chats", {}, 400, "validation_failed"],
  ["POST", "/api/chats", { chatName: "x", isPersonal: "yes", users: [] }, 400, "validation_failed"],
  ["POST", "/api/chats", { chatName: "x", isPersonal: false, users: ["abc"] }, 400, "validation_failed"],
  ["DELETE", "/api/users/login", undefined, 405, "method_not_allowed"],
  ["GET", "/api/nowhere", undefined, 404, "not_found"],
  ["GET", "/%00", undefined, 404, "not_found"],
];

for (const [method, path, body, status, code] of REST) {
  const shown = body === undefined ? "" : JSON.stringify(body).slice(0, 40);
  test(`${method} ${path} ${shown} → ${status} ${code}`, async () => {
    const answer = await call(server, method, path, { body, token: honest.token });
    isProblem(answer, status, code);
    if (status === 405) assert.ok(answer.headers.get("allow"));
    await stillWell();
  });
}

test("a search is never a regular expression", async () => {
  for (const query of ["(", "[", "(a+)+$", ".*", "%", "_", "'", "\\", "a".repeat(500), " ".repeat(2000), "\u0000"]) {
    const answer = await call(server, "GET", `/users/search?query=${encodeURIComponent(query)}`, { token: honest.token });
    assert.equal(answer.status, 200, query);
    assert.deepEqual(answer.json, []);
  }
  assert.deepEqual((await call(server, "GET", "/users/search?query=", { token: honest.token })).json, []);
  assert.deepEqual((await call(server, "GET", "/users/search", { token: honest.token })).json, []);
  await stillWell();
});

test("a huge body is 413, whether announced or chunked", async () => {
  isProblem(await call(server, "POST", "/users/login", { body: "x".repeat(70_000) }), 413, "payload_too_large");
  const chunked = await new Promise((resolve) => {
    const connection = net.connect(server.port, "127.0.0.1");
    let answer = "";
    let chunks = 0;
    connection.write("POST /users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n");
    const timer = setInterval(() => {
      if (++chunks > 1000) connection.destroy(new Error("8 MB were taken"));
      else connection.write("2000\r\n" + "x".repeat(8192) + "\r\n");
    }, 1);
    connection.on("data", (data) => (answer += data));
    connection.on("error", (error) => (answer ||= error.code ?? error.message));
    connection.on("close", () => {
      clearInterval(timer);
      resolve(answer);
    });
  });
  assert.match(chunked, /^(HTTP\/1\.1 413 |ECONNRESET$|EPIPE$)/);
  await stillWell();
});

test("a packed body is 415, though it would be good JSON", async () => {
  const packed = await call(server, "POST", "/users/login", {
    body: gzipSync(JSON.stringify({ userName: "packed" })), headers: { "content-encoding": "gzip" },
  });
  isProblem(packed, 415, "unsupported_media_type");
  assert.equal(packed.headers.get("accept-encoding"), "identity");
  await stillWell();
});

test("a form or a text body is 415", async () => {
  for (const type of ["application/x-www-form-urlencoded", "text/plain"]) {
    const answer = await call(server, "POST", "/users/login", {
      body: "userName=a", headers: { "content-type": type },
    });
    isProblem(answer, 415, "unsupported_media_type");
  }
  await stillWell();
});

const SECRET = { chatId: "0123456789abcdef01234567", number: 1 };
const EVENTS = [
  ["joinRoom", undefined, "validation_failed"],
  ["joinRoom", null, "validation_failed"],
  ["joinRoom", 7, "validation_failed"],
  ["joinRoom", [], "validation_failed"],
  ["joinRoom", { chatId: "abc" }, "validation_failed"],
  ["joinRoom", { chatId: { $ne: null } }, "validation_failed"],
  ["joinRoom", SECRET, "not_found"],
  ["leaveRoom", null, "validation_failed"],
  ["leaveRoom", { chatId: "abc" }, "validation_failed"],
  ["sendMessage", undefined, "validation_failed"],
  ["sendMessage", null, "validation_failed"],
  ["sendMessage", "text", "validation_failed"],
  ["sendMessage", { content: "x" }, "validation_failed"],
  ["sendMessage", { chatId: "abc", content: "x" }, "validation_failed"],
  ["sendMessage", { ...SECRET, content: "x" }, "not_found"],
  ["sendMessage", "group", "not_text", { content: 7 }],
  ["sendMessage", "group", "validation_failed", { content: null }],
  ["sendMessage", "group", "not_text", { content: { $gt: "" } }],
  ["sendMessage", "group", "validation_failed", { content: "x", clientMsgId: "" }],
  ["sendMessage", "group", "validation_failed", { content: "x", clientMsgId: "a".repeat(65) }],
  ["sendMessage", "group", "validation_failed", { content: "x", clientMsgId: "a b" }],
  ["sendMessage", "group", "message_blank", { content: "" }],
  ["sendMessage", "group", "message_blank", { content: " \n\t\u3164\u200b\u00a0" }],
  ["sendMessage", "group", "message_too_long", { content: "가".repeat(1001) }],
  ["sendMessage", "group", "message_too_long", { content: "x".repeat(20_000) }],
  ["sendMessage", "group", "not_text", { content: "a\u0000b" }],
  ["sendMessage", "group", "validation_failed", { content: "x", clientMsgId: "a\u0000b" }],
  ["joinRoom", { chatId: "0123456789abcdef0123456\u0000" }, "validation_failed"],
  ["send\u0000Message", {}, "not_found"],
  ["sendMessage", "group", "invalid_json", { content: "a\ud800b" }],
  ["sendMessage", "group", "invalid_json", { content: "x", deep: JSON.parse("[".repeat(50) + "]".repeat(50)) }],
  ["sendMessage", "group", "not_text", { content: "a\u001bb" }],
  ["sync", null, "validation_failed"],
  ["sync", { chats: [] }, "validation_failed"],
  ["sync", { chats: { abc: 0 } }, "validation_failed"],
  ["sync", { chats: { "0123456789abcdef01234567": "x" } }, "validation_failed"],
  ["watchPresence", { userIds: "abc" }, "validation_failed"],
  ["watchPresence", { userIds: ["abc"] }, "validation_failed"],
  ["watchPresence", { userIds: Array(201).fill("0123456789abcdef01234567") }, "validation_failed"],
  ["editMessage", {}, "not_found"],
  ["error", {}, "not_found"],
  ["__proto__", {}, "not_found"],
];

for (const [event, payload, code, content] of EVENTS) {
  const shown = JSON.stringify(content ?? payload)?.slice(0, 50);
  test(`${event} ${shown} → ${code}`, async () => {
    const body = payload === "group" ? { chatId: group._id, ...content } : payload;
    const answer = await ask(socket, event, body);
    assert.equal(answer.ok, false);
    assert.equal(answer.error.code, code, JSON.stringify(answer));
    await stillWell();
  });
}

test("an error without an ack comes as the event problem", async () => {
  const problem = new Promise((resolve) => socket.once("problem", resolve));
  socket.emit("sendMessage", { chatId: group._id, content: "" });
  assert.equal((await problem).code, "message_blank");
  await stillWell();
});

test("the bound counts code points after NFC", async () => {
  const a = await login(server);
  const chat = await createGroup(server, a);
  const own = await connect(server, { token: a.token });
  try {
    await join(own, chat);
    const nfd = "한".normalize("NFD").repeat(1000);
    const answer = await send(own, chat, nfd);
    assert.equal(answer.ok, true, JSON.stringify(answer));
    assert.equal(answer.message.content, "한".repeat(1000));
    assert.equal((await send(own, chat, "😀".repeat(1000))).ok, true);
    assert.equal((await send(own, chat, "😀".repeat(1001))).error.code, "message_too_long");
    assert.equal((await send(own, chat, "a\r\nb\rc")).message.content, "a\nb\nc");
  } finally {
    own.disconnect();
  }
  await stillWell();
});

// Each with code points of one size in UTF-8; Hangul in pieces (NFD) is one after NFC.
const CODE_POINTS = { 1: "x", 2: "é", 3: "가", 4: "😀", "3, as NFD": "각".normalize("NFD") };
for (const [bytes, text] of Object.entries(CODE_POINTS)) {
  test(`REST: 999, 1000 and 1001 code points of ${bytes} bytes`, async () => {
    const a = await login(server);
    const chat = await createGroup(server, a);
    const post = (content) => call(server, "POST", `/api/messages/${chat._id}`, { token: a.token, body: { content } });
    for (const count of [1, 999, 1000]) {
      const sent = await post(text.repeat(count));
      assert.equal(sent.status, 201, sent.text);
      assert.equal(sent.json.content, text.normalize("NFC").repeat(count));
    }
    const long = await post(text.repeat(1001));
    isProblem(long, 400, "message_too_long");
    assert.deepEqual(long.json.errors, [{ field: "content", code: "too_long", limit: 1000, actual: 1001 }]);
    const page = await call(server, "GET", `/api/messages/${chat._id}`, { token: a.token });
    assert.deepEqual(page.json.map((m) => [...m.content].length), [1, 999, 1000]);
    await stillWell();
  });
}

test("REST: what is no text, blank or no JSON is refused, each with its code", async () => {
  const a = await login(server);
  const chat = await createGroup(server, a);
  const post = (body) => call(server, "POST", `/api/messages/${chat._id}`, { token: a.token, body });
  const cases = [
    [{}, "validation_failed"], [{ content: null }, "validation_failed"], [{ content: 7 }, "not_text"],
    [{ content: ["x"] }, "not_text"], [{ content: { $ne: null } }, "not_text"], [{ content: true }, "not_text"],
    [{ content: "" }, "message_blank"], [{ content: " \n\t" }, "message_blank"],
    [{ content: "\u3164\u200b\u00a0\u2060" }, "message_blank"], [{ content: "\ufe0f" }, "message_blank"],
    [{ content: "x".repeat(16 * 1024 + 1) }, "message_too_long"], [{ content: "a\u001bb" }, "not_text"],
    [{ content: "a\u0085b" }, "not_text"], [{ content: "a\u007fb" }, "not_text"],
    ['{"content":"a\\u0000b"}', "not_text"], ['{"content":"a\\ud800b"}', "invalid_json"],
    ['{"content":"\\udc00\\ud800"}', "invalid_json"], [Buffer.from('{"content":"\xff"}', "latin1"), "invalid_json"],
    [Buffer.from('{"content":"\xed\xa0\x80"}', "latin1"), "invalid_json"],
    [Buffer.from('{"content":"\xc0\xaf"}', "latin1"), "invalid_json"],
    [{ content: "x", clientMsgId: "" }, "validation_failed"], [{ content: "x", clientMsgId: 7 }, "validation_failed"],
    [{ content: "x", clientMsgId: "a".repeat(65) }, "validation_failed"],
    [{ content: "x", clientMsgId: { $ne: null } }, "validation_failed"],
  ];
  for (const [body, code] of cases) isProblem(await post(body), 400, code);
  const page = await call(server, "GET", `/api/messages/${chat._id}`, { token: a.token });
  assert.deepEqual(page.json, [], "nothing was stored");
  await stillWell();
});

test("REST: the 101st member is refused, by join and by creation", async () => {
  const owner = await login(server);
  const others = await Promise.all(Array.from({ length: 100 }, () => login(server)));
  const create = (users) => call(server, "POST", "/api/chats", {
    token: owner.token, body: { chatName: "full", isPersonal: false, users: users.map((u) => u.id) },
  });
  isProblem(await create(others), 409, "chat_full");
  isProblem(await create([...others, honest, witness]), 409, "chat_full");
  const made = await create(others.slice(1));
  assert.equal(made.status, 200, made.text);
  assert.equal(made.json.users.length, 100);
  const joinAs = (user) => call(server, "POST", `/api/chats/${made.json._id}/join`, { token: user.token, body: {} });
  isProblem(await joinAs(others[0]), 409, "chat_full");
  assert.equal((await joinAs(others[1])).status, 200, "a member already");
  await stillWell();
});

test("REST: from, system, sequence and ids cannot be spoofed", async () => {
  const a = await login(server);
  const chat = await createGroup(server, a);
  const sent = await call(server, "POST", `/api/messages/${chat._id}`, {
    token: a.token,
    body: {
      content: "mine", from: honest.id, fromUserName: "system", to: honest.id, type: "system", sequence: 77, __v: 9,
      _id: "0123456789abcdef01234567", chatId: group._id, createdAt: "2000-01-01T00:00:00.000Z", duplicate: true,
      system: { event: "leave", userId: honest.id, memberCount: 1 }, deletedAt: "2000-01-01T00:00:00.000Z",
    },
  });
  assert.equal(sent.status, 201, sent.text);
  const { from, fromUserName, to, type, system, sequence, chatId, _id } = sent.json;
  assert.deepEqual({ from, fromUserName, to, type, system, sequence, chatId },
    { from: a.id, fromUserName: a.userName, to: null, type: "text", system: null, sequence: 1, chatId: chat._id });
  assert.notEqual(_id, "0123456789abcdef01234567");
  const made = await call(server, "POST", "/api/chats", {
    token: a.token, body: { chatName: "x", users: [], owner: honest.id, number: 1, active: false },
  });
  assert.equal(made.json.owner, a.id);
  assert.equal(made.json.active, true);
  // Not in the group of the witness, who counts every message.
  const other = await createGroup(server, honest);
  const joined = await call(server, "POST", `/api/chats/${other._id}/join`, { token: a.token, body: { userId: witness.id } });
  assert.equal(joined.status, 201, joined.text);
  assert.deepEqual(new Set(joined.json.chat.users), new Set([honest.id, a.id]));
  await call(server, "POST", `/api/chats/${other._id}/leave`, { token: a.token, body: { userId: honest.id } });
  const after = await call(server, "GET", `/api/chats/${other.number}`, { token: a.token });
  assert.deepEqual(after.json.users, [honest.id]);
  await stillWell();
});

test("from and system cannot be spoofed", async () => {
  const answer = await ask(watcher, "sendMessage", {
    chatId: group._id, content: `good ${sent}`, from: honest.id, fromUserName: "system", type: "system",
    system: { event: "leave" }, sequence: 1, _id: "0123456789abcdef01234567",
  });
  sent += 1;
  assert.equal(answer.ok, true);
  assert.equal(answer.message.from, witness.id);
  assert.equal(answer.message.fromUserName, witness.userName);
  assert.equal(answer.message.type, "text");
  assert.notEqual(answer.message.sequence, 1);
});

test("outsiders: a public group may be read, not written; a 1:1 is not there", async () => {
  const outsider = await login(server);
  const own = await connect(server, { token: outsider.token });
  try {
    assert.equal((await send(own, group, "x")).error.code, "not_member");
    const rest = await call(server, "POST", `/api/messages/${group._id}`, {
      token: outsider.token, body: { content: "x" },
    });
    isProblem(rest, 403, "not_member");
    assert.equal((await call(server, "GET", `/api/messages/${group._id}`, { token: outsider.token })).status, 200);
    const personal = await createPersonal(server, honest, witness);
    isProblem(await call(server, "GET", `/api/messages/${personal._id}`, { token: outsider.token }), 404, "not_found");
    isProblem(await call(server, "POST", `/api/messages/${personal._id}`, {
      token: outsider.token, body: { content: "x" },
    }), 404, "not_found");
    isProblem(await call(server, "POST", `/api/chats/${personal._id}/join`, {
      token: outsider.token, body: {},
    }), 404, "not_found");
    for (const other of [honest, witness]) {
      isProblem(await call(server, "GET", `/api/chats/one-to-one/${other.id}`, { token: outsider.token }), 404, "not_found");
    }
  } finally {
    own.disconnect();
  }
  await stillWell();
});

test("without a token every call but the open ones is 401", async () => {
  for (const [method, path] of [["GET", "/api/users"], ["GET", "/api/users/me"], ["GET", "/api/chats"],
    ["GET", `/api/messages/${group._id}`], ["GET", "/api/chats/mine"], ["POST", `/api/chats/${group._id}/join`]]) {
    isProblem(await call(server, method, path, { body: method === "POST" ? {} : undefined }), 401, "unauthenticated");
  }
  for (const path of ["/healthz", "/readyz", "/api/openapi.json", "/metrics", "/"]) {
    assert.equal((await call(server, "GET", path)).status, 200, path);
  }
});

test("a foreign Origin is refused without a CORS header, and logged once with the words to set", async () => {
  const foreign = ["https://evil.example", "null", `${server.url}.evil.example`, `http://127.0.0.1:${server.port + 1}`,
    `https://127.0.0.1:${server.port}`];
  for (const origin of foreign) {
    for (const path of ["/api/users/login", "/socket.io/?EIO=4&transport=polling"]) {
      const isRest = path.startsWith("/api");
      const answer = await call(server, isRest ? "POST" : "GET", path, {
        body: isRest ? { userName: "x" } : undefined, headers: { origin }, undocumented: !isRest && "Engine.IO",
      });
      assert.equal(answer.status, 403, `${origin} ${path}`);
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
    }
  }
  const lines = server.log.filter((line) => line.includes("CLIENT_URL=https://evil.example"));
  assert.equal(lines.length, 1);
  assert.equal((await call(server, "POST", "/api/users/logout", {
    body: {}, token: "x".repeat(43), headers: { origin: server.url },
  })).status, 401);
  await stillWell();
});

test("logs carry no message text, no token and no password", async () => {
  const userName = "logged 하나";
  const passwords = { first: "1st secret 비밀번호", second: "2nd secret 비밀번호", wrong: "3rd secret 비밀번호" };
  const post = (path, body, token) => call(server, path === "/api/users/me" ? "PATCH" : "POST", path, { body, token });
  const made = await post("/api/users/register", { userName, password: passwords.first });
  assert.equal(made.status, 201, made.text);
  assert.equal((await post("/api/users/login", { userName, password: passwords.wrong })).status, 401);
  const changed = await post("/api/users/me", { password: passwords.second, currentPassword: passwords.first }, made.json.token);
  assert.equal(changed.status, 200, changed.text);
  const again = await post("/api/users/login", { userName, password: passwords.second });
  assert.equal(again.status, 200, again.text);
  await post("/api/users/logout", {}, again.json.token);
  const line = (event) => (text) => text.includes(`"event":"${event}"`) && text.includes(made.json._id);
  await until(() => server.log.some(line("audit_logout")), "the records of all this");
  for (const event of ["audit_register", "audit_password_changed"]) assert.ok(server.log.some(line(event)), event);
  const log = server.log.join("\n");
  for (const secret of ["good 0", honest.token, made.json.token, again.json.token, ...Object.values(passwords),
    "1st secret", "argon2"]) {
    assert.ok(!log.includes(secret), secret);
  }
});
