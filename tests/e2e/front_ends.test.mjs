// What a field means is decided once: a bad value gets the same code, and names the same field with
// the same rule, whether it comes by REST or by a socket.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer } from "../support/server.mjs";
import { call, connect, createGroup, createPersonal, login } from "../support/api.mjs";

const UNKNOWN = "0123456789abcdef01234567";
// Where the two front ends keep the same thing under another name.
const SAME_FIELD = { body: "payload", chat: "chatId", users: "userIds" };

const text = (value) => JSON.stringify(value);
// Raw JSON, for some of it is what no client's encoder writes.
const OF_ANOTHER_TYPE = ["7", "0", "true", "[]", '["a"]', "{}", '{"$ne":null}', "1.5", "1e30"];
const NO_STRING_OF_OURS = ['"\\ud800"', '"a\\udc00b"'];
const CONTENTS = [
  ...OF_ANOTHER_TYPE, ...NO_STRING_OF_OURS, undefined, "null", '""', '"  "', '"\\u3164"', '"\\n"', '"a\\u0000b"',
  '"\\u0007"', '"\\u007f"', text("a".repeat(1001)), text("가".repeat(1001)), text("a".repeat(16 * 1024 + 1)),
];
const CLIENT_MSG_IDS = [
  ...OF_ANOTHER_TYPE, ...NO_STRING_OF_OURS, '""', '"a b"', '"a.b"', '"é"', '"a\\u0000"', text("a".repeat(65)),
];
const IDS = [
  ...OF_ANOTHER_TYPE, ...NO_STRING_OF_OURS, '""', '"abc"', text(UNKNOWN.slice(1)), text(`${UNKNOWN}0`),
  '"zzzzzzzzzzzzzzzzzzzzzzzz"', text(` ${UNKNOWN}`), '"0123456789ab\\u0000cdef01234"',
];
const ID_LISTS = [
  ...OF_ANOTHER_TYPE.filter((value) => value !== "[]"), ...NO_STRING_OF_OURS, undefined, "null", '""', '"abc"', text(UNKNOWN),
  "[null]", "[7]", "[[]]", "[{}]", '[""]', '["abc"]', `[${text(UNKNOWN)},7]`, `["abc",7]`,
];
const NUMBERS = ["abc", "-1", "1.5", "1e3", "7a", "0x1", "%20", "0", "999999999", "9".repeat(30), "0".repeat(70)];

// An object without the fields whose value is undefined.
function object(fields) {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `{${present.map(([name, value]) => `${text(name)}:${value}`).join(",")}}`;
}

let acks = 1000;
// The client's connection, with bytes of the test's own.
function askRaw(socket, event, payload) {
  const id = ++acks;
  const { engine } = socket.io;
  return new Promise((resolve, reject) => {
    socket.once("disconnect", (reason) => reject(new Error(`${event} ${payload.slice(0, 80)}: ${reason}`)));
    const onData = (data) => {
      if (typeof data !== "string" || !data.startsWith(`3${id}[`)) return;
      engine.off("data", onData);
      resolve(JSON.parse(data.slice(data.indexOf("[")))[0]);
    };
    engine.on("data", onData);
    engine.write(`2${id}[${text(event)},${payload}]`);
  });
}

function verdict(problem) {
  return {
    code: problem.code,
    errors: (problem.errors ?? []).map((error) => ({ ...error, field: SAME_FIELD[error.field] ?? error.field })),
  };
}
function ofSocket(answer) {
  return answer.ok ? "fine" : verdict(answer.error);
}
function ofRest(answer) {
  return answer.status < 300 ? "fine" : verdict(answer.json);
}

// Each pair: what to ask by the one and by the other.
async function compare(context, cases) {
  const different = [];
  for (const { name, event, payload, method = "POST", path, body, token } of cases) {
    const bySocket = ofSocket(await askRaw(context.socket, event, payload));
    const answer = await call(context.server, method, path, { body, token: token ?? context.me.token });
    let byRest = ofRest(answer);
    // GET /chats/:number has the original's form for what is not there.
    if (answer.text === "null") byRest = { code: "not_found", errors: [] };
    try {
      assert.deepEqual(bySocket, byRest);
    } catch {
      different.push(`${name}\n  socket ${text(bySocket)}\n  REST   ${text(byRest)}`);
    }
  }
  assert.equal(different.length, 0, `\n${different.join("\n")}`);
  return cases.length;
}

const short = (value) => String(value).slice(0, 40);
function sends(context, chat, fields) {
  return {
    event: "sendMessage", payload: object({ chatId: text(chat), ...fields }),
    path: `/api/messages/${chat}`, body: object(fields),
  };
}

describe("accounts", () => {
  const context = {};
  before(async () => {
    context.server = await startServer({ args: ["--rate-limits", "off"] });
    context.me = await login(context.server);
    [context.other, context.third] = [await login(context.server), await login(context.server)];
    context.group = (await createGroup(context.server, context.me))._id;
    context.foreign = (await createGroup(context.server, context.other))._id;
    context.personal = (await createPersonal(context.server, context.other, context.third))._id;
    context.socket = await connect(context.server, { token: context.me.token });
  });
  after(async () => {
    context.socket.disconnect();
    await context.server.dispose();
  });

  test("content of a wrong type is not_text, and named", async () => {
    for (const value of OF_ANOTHER_TYPE) {
      const answer = await askRaw(context.socket, "sendMessage", object({ chatId: text(context.group), content: value }));
      assert.deepEqual(ofSocket(answer), { code: "not_text", errors: [{ field: "content", code: "type", limit: null, actual: null }] }, value);
    }
  });
  test("content", () => compare(context, CONTENTS.map((content) =>
    ({ name: `content ${short(content)}`, ...sends(context, context.group, { content }) }))));
  test("clientMsgId", () => compare(context, CLIENT_MSG_IDS.map((clientMsgId) =>
    ({ name: `clientMsgId ${short(clientMsgId)}`, ...sends(context, context.group, { content: '"a"', clientMsgId }) }))));
  test("several faults at once: the same one is named", () => compare(context, CONTENTS.slice(0, -3).flatMap((content) => [
    { name: `${short(content)} with a bad clientMsgId`, ...sends(context, context.group, { content, clientMsgId: "7" }) },
    { name: `${short(content)} to nowhere`, ...sends(context, UNKNOWN, { content }) },
    { name: `${short(content)} to a bad id`, ...sends(context, "abc", { content }) },
  ])));
  test("payloads that are no object", () => compare(context, ["7", "[]", '"x"', "null", "true"].flatMap((payload) => [
    { name: `send ${payload}`, event: "sendMessage", payload, path: `/api/messages/${context.group}`, body: payload },
    { name: `join ${payload}`, event: "joinRoom", payload, path: `/api/chats/${context.group}/join`, body: payload },
    { name: `leave ${payload}`, event: "leaveRoom", payload, path: `/api/chats/${context.group}/leave`, body: payload },
  ])));
  test("ids of chats", () => compare(context, [UNKNOWN, "abc", UNKNOWN.slice(1), `${UNKNOWN}0`, "z".repeat(24)].flatMap((id) => [
    { name: `send to ${id}`, ...sends(context, id, { content: '"a"' }) },
    { name: `join ${id}`, event: "joinRoom", payload: object({ chatId: text(id) }), path: `/api/chats/${id}/join` },
    { name: `leave ${id}`, event: "leaveRoom", payload: object({ chatId: text(id) }), path: `/api/chats/${id}/leave` },
  ])));
  test("chats of others", () => compare(context, [
    { name: "send to a group", ...sends(context, context.foreign, { content: '"a"' }) },
    { name: "send to a 1:1", ...sends(context, context.personal, { content: '"a"' }) },
    { name: "join a 1:1", event: "joinRoom", payload: object({ chatId: text(context.personal) }), path: `/api/chats/${context.personal}/join` },
    { name: "leave a 1:1", event: "leaveRoom", payload: object({ chatId: text(context.personal) }), path: `/api/chats/${context.personal}/leave` },
    { name: "leave a group", event: "leaveRoom", payload: object({ chatId: text(context.foreign) }), path: `/api/chats/${context.foreign}/leave` },
  ]));
  test("room numbers", () => compare(context, NUMBERS.map((number) => ({
    name: `number ${short(number)}`, event: "joinRoom", payload: object({ number: text(decodeURIComponent(number)) }),
    method: "GET", path: `/api/chats/${number}`,
  }))));
  test("lists of users", () => compare(context, ID_LISTS.map((ids) => ({
    name: `ids ${short(ids)}`, event: "watchPresence", payload: object({ userIds: ids }),
    path: "/api/chats", body: object({ chatName: '"group"', isPersonal: "false", users: ids }),
  }))));
  test("a chat's newMessages is the original's boolean, wherever it is shown", async () => {
    const joined = await askRaw(context.socket, "joinRoom", object({ chatId: text(context.group) }));
    const { json: groups } = await call(context.server, "GET", "/api/chats", { token: context.me.token });
    const { json: mine } = await call(context.server, "GET", "/api/chats/mine", { token: context.me.token });
    const created = await createGroup(context.server, context.me);
    for (const chat of [joined.chat, groups.chats[0], mine.chats[0], created]) assert.equal(chat.newMessages, false);
  });
});

describe("open mode", () => {
  const context = {};
  before(async () => {
    context.server = await startServer({ args: ["--rate-limits", "off", "--auth", "open"] });
    context.me = await login(context.server);
    context.group = (await createGroup(context.server, context.me))._id;
    context.socket = await connect(context.server, { token: context.me.token });
  });
  after(async () => {
    context.socket.disconnect();
    await context.server.dispose();
  });

  test("who sends", () => compare(context, IDS.map((from) =>
    ({ name: `from ${short(from)}`, ...sends(context, context.group, { content: '"a"', from }) }))));
  test("who joins and leaves", () => compare(context, IDS.flatMap((userId) => [
    { name: `join as ${short(userId)}`, event: "joinRoom", payload: object({ chatId: text(context.group), userId }),
      path: `/api/chats/${context.group}/join`, body: object({ userId }) },
    { name: `leave as ${short(userId)}`, event: "leaveRoom", payload: object({ chatId: text(context.group), userId }),
      path: `/api/chats/${context.group}/leave`, body: object({ userId }) },
  ])));
  test("someone unknown", () => compare(context, [
    { name: "sends", ...sends(context, context.group, { content: '"a"', from: text(UNKNOWN) }) },
    { name: "joins", event: "joinRoom", payload: object({ chatId: text(context.group), userId: text(UNKNOWN) }),
      path: `/api/chats/${context.group}/join`, body: object({ userId: text(UNKNOWN) }) },
    { name: "leaves", event: "leaveRoom", payload: object({ chatId: text(context.group), userId: text(UNKNOWN) }),
      path: `/api/chats/${context.group}/leave`, body: object({ userId: text(UNKNOWN) }) },
  ]));
});
