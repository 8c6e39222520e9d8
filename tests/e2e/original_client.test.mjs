// What the original program's web client does, against --auth open: it connects its socket before
// any login and sends no credentials, calls paths without /api, sends room numbers as strings, emits
// joinRoom once, and leaveRoom when its page goes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../support/server.mjs";
import { CLIENTS, call, open, texts, uniqueName, until } from "../support/api.mjs";

let server;
before(async () => {
  server = await startServer({ args: ["--auth", "open", "--rate-limits", "off"] });
});
after(() => server.dispose());

const origin = { origin: "http://localhost:3000" };

async function post(path, body) {
  const answer = await call(server, "POST", path, { body, headers: origin });
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  return answer;
}
async function get(path) {
  return call(server, "GET", path, { headers: origin });
}

function page() {
  const socket = open(server, {
    client: "4.7.5", transports: undefined, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100,
  });
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", reject);
  });
}

async function loginAs(userName) {
  const answer = await post("/users/login", { userName });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.userName, userName);
  assert.equal(answer.json.userId, answer.json._id);
  return answer.json;
}

test("the server says loudly at start that identity is not protected", () => {
  assert.ok(server.log.some((line) => line.includes('"level":"warn"') && line.includes("open")));
});

test("the same name is the same user", async () => {
  const name = uniqueName("김현");
  assert.equal((await loginAs(name))._id, (await loginAs(name))._id);
});

test("a whole visit", async () => {
  const [pageA, pageB] = [await page(), await page()];
  try {
    const a = await loginAs(uniqueName("철수"));
    const b = await loginAs(uniqueName("영희"));
    const online = await get("/users");
    assert.deepEqual(new Set(online.json.map((u) => u._id)).has(a._id), true);
    const found = await get(`/users/search?query=${encodeURIComponent(b.userName.slice(1))}`);
    assert.ok(found.json.some((u) => u._id === b._id && u.active === true));

    const created = await post("/chats", {
      chatName: "마루", isPersonal: false, owner: a._id, users: [a._id],
    });
    assert.equal(created.status, 200);
    const list = await get("/chats?page=1&limit=6");
    assert.equal(list.json.currentPage, 1);
    assert.equal(list.json.chats[0].owner.userName, a.userName);

    for (const [socket, user] of [[pageA, a], [pageB, b]]) {
      // joinRoom and the history at the same time, as the client does.
      socket.emit("joinRoom", {
        chatId: created.json._id, number: String(created.json.number), userId: user._id, userName: user.userName,
      });
      const history = await get(`/messages/${created.json._id}`);
      assert.equal(history.status, 200);
    }
    await until(async () => (await get(`/chats/${created.json.number}`)).json.users.length === 2, "both joined");
    await until(() => pageA.received.some((m) => m.content === "입장" && m.toUserName === b.userName), "the arrival");

    pageA.emit("sendMessage", {
      chatId: created.json._id, chatNumber: String(created.json.number), from: a._id, fromUserName: a.userName,
      content: "안녕하세요",
    });
    await until(() => texts(pageA).length === 1 && texts(pageB).length === 1, "the message, also to its sender");
    const message = pageB.received.find((m) => m.type === "text");
    assert.equal(message.from, a._id);
    assert.equal(message.fromUserName, a.userName);

    // The client never joins again after a reconnect: recovery must bring it back.
    const again = new Promise((resolve) => pageB.once("connect", resolve));
    pageB.io.engine.close();
    pageA.emit("sendMessage", {
      chatId: created.json._id, chatNumber: created.json.number, from: a._id, fromUserName: a.userName, content: "놓친 말",
    });
    await again;
    await until(() => texts(pageB).includes("놓친 말"), "the missed message");

    const groups = await get(`/chats/group/${b._id}`);
    assert.deepEqual(groups.json.map((c) => c._id), [created.json._id]);

    // A leaveRoom that is followed by the end of its socket is a closed tab, not a leave.
    pageB.emit("leaveRoom", {
      chatId: created.json._id, number: String(created.json.number), userId: b._id, userName: b.userName,
    });
    pageB.disconnect();

    // One that stands for two seconds is. It was asked for later, so that the other would have come first.
    const left = pageA.timeout(10_000).emitWithAck("leaveRoom", {
      chatId: created.json._id, number: String(created.json.number), userId: a._id, userName: a.userName,
    });
    assert.equal((await left).ok, true);
    assert.deepEqual((await get(`/chats/${created.json.number}`)).json.users, [b._id]);
  } finally {
    pageA.disconnect();
    pageB.disconnect();
  }
});

test("a 1:1, listed for both", async () => {
  const [a, b] = [await loginAs(uniqueName()), await loginAs(uniqueName())];
  const created = await post("/chats", {
    chatName: `${a.userName}, ${b.userName}`, isPersonal: true, owner: a._id, users: [a._id, b._id],
  });
  for (const user of [a, b]) {
    const list = await get(`/chats/one-to-one/${user._id}?page=1&limit=4`);
    assert.deepEqual(list.json.chats.map((c) => c._id), [created.json._id]);
    assert.equal(list.json.chats[0].owner.userName, a.userName);
    assert.equal(list.json.totalPages, 1);
  }
});

test("logout without a token makes that user offline at once and closes no socket", async () => {
  const socket = await page();
  const a = await loginAs(uniqueName());
  assert.ok((await get("/users")).json.some((u) => u._id === a._id));
  const answer = await post("/users/logout", { userName: a.userName });
  assert.deepEqual(answer.json, { message: "Logout successful" });
  await until(async () => !(await get("/users")).json.some((u) => u._id === a._id), "offline");
  assert.ok(socket.connected);
  socket.disconnect();
});

test("an account with a password needs it at login, and its token with every call that names it", async () => {
  const name = uniqueName();
  const made = await post("/api/users/register", { userName: name, password: "correct horse battery" });
  assert.equal(made.status, 201);
  assert.equal((await post("/users/login", { userName: name })).status, 401);
  assert.equal((await post("/users/login", { userName: name, password: "wrong horse battery" })).status, 401);
  const group = await post("/chats", { chatName: "x", isPersonal: false, owner: made.json._id, users: [made.json._id] });
  assert.equal(group.status, 401);
  const socket = await page();
  try {
    const other = await loginAs(uniqueName());
    const open = await post("/chats", { chatName: "y", isPersonal: false, owner: other._id, users: [other._id] });
    const answer = await socket.timeout(5000).emitWithAck("joinRoom", {
      chatId: open.json._id, number: open.json.number, userId: made.json._id, userName: name,
    });
    assert.equal(answer.ok, false);
    assert.equal(answer.error.code, "unauthenticated");
  } finally {
    socket.disconnect();
  }
});

test("every stock client version gets on", async () => {
  for (const client of Object.keys(CLIENTS)) {
    const socket = open(server, { client, transports: undefined });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    socket.disconnect();
  }
});
