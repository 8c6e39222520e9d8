// Names and texts with characters that hide or imitate, as both front ends take them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, send, uniqueName } from "../support/api.mjs";

let server;
before(async () => (server = await startServer({ args: ["--rate-limits", "off"] })));
after(() => server.dispose());

const CHAT_NAMES = [
  ["👨\u200d👩\u200d👧 우리 가족", 200], ["می\u200cخواهم", 200], ["\u{1FAE9}", 200],
  ["\u200d", 400], ["\u200c \u200d", 400], ["\u2800", 400], ["a\u200bb", 400], ["\u202eabc", 400],
];

test("chat names take joiners, and need something to see", async () => {
  const user = await login(server);
  for (const [chatName, status] of CHAT_NAMES) {
    const answer = await call(server, "POST", "/api/chats", {
      token: user.token, body: { chatName, isPersonal: false, owner: user.id, users: [user.id] },
    });
    assert.equal(answer.status, status, `${escape(chatName)}: ${answer.text}`);
    if (status === 200) assert.equal(answer.json.chatName, chatName);
    else assert.deepEqual(answer.json.errors.map(({ field, code }) => [field, code]), [["chatName", "format"]]);
  }
});

const USER_NAMES = [
  ["시스템\u2800", 400], ["시스\ufffc템", 400], ["시스템\u{1D159}", 400], ["\u0301", 400], ["\u302e", 400], ["\u2800", 400],
  ["x\ue000", 400], ["x\u{10FFFD}", 400], ["x\u0378", 400], ["x\uffff", 400], ["x\u034f", 400], ["x\u200d", 400],
  ["x\u3164", 400], ["x\u115f", 400], ["x\u1160", 400], ["x\uffa0", 400], ["x\ufff9", 400], ["x\u{E0041}", 400],
  ["ѕystem", 409], ["ЅУЅТЕМ", 409], ["аdmin", 409], ["시스템\u302e", 409], ["rnaru", 409], ["탈퇴한 사용자\u0301", 409],
  ["❤\ufe0f", 200], ["시스템즈", 200], ["José", 200],
];

test("user names hide nothing and do not look reserved", async () => {
  for (const [userName, status] of USER_NAMES) {
    const guest = await call(server, "POST", "/api/users/login", { body: { userName } });
    assert.equal(guest.status, status, `${escape(userName)}: ${guest.text}`);
    if (status === 200) continue;
    const password = "korrekt-pferd-batterie";
    for (const path of ["login", "register"]) {
      const answer = await call(server, "POST", `/api/users/${path}`, { body: { userName, password } });
      assert.equal(answer.status, status, `${path} ${escape(userName)}: ${answer.text}`);
      assert.equal(answer.json.errors[0].code, status === 409 ? "reserved" : "format");
    }
  }
});

test("a text that nobody sees is blank for sockets and REST alike", async () => {
  const user = await login(server, uniqueName("blank"));
  const group = await createGroup(server, user);
  const socket = await connect(server, { token: user.token });
  await join(socket, group);
  for (const content of ["\u2800", "\u2800 \u2800\n", "\u{1D159}", "\u3164\u2800", "\u200d"]) {
    const answer = await send(socket, group, content);
    assert.equal(answer.error?.code, "message_blank", escape(content));
    const posted = await call(server, "POST", `/api/messages/${group._id}`, { token: user.token, body: { content } });
    assert.equal(posted.json.code, "message_blank", escape(content));
  }
  assert.equal((await send(socket, group, "\u2800\u2801")).ok, true);
  socket.disconnect();
});

test("open mode: an event that names nobody's name says so", async () => {
  const open = await startServer({ args: ["--auth", "open", "--rate-limits", "off"] });
  try {
    const user = await login(open);
    const group = await createGroup(open, user);
    const socket = await connect(open);
    for (const [userName, code] of [["аdmin", "not_found"], ["x\ue000", "not_found"], ["a\u200bb", "validation_failed"]]) {
      const answer = await ask(socket, "joinRoom", { chatId: group._id, userName });
      assert.equal(answer.error?.code, code, escape(userName));
      const logout = await call(open, "POST", "/api/users/logout", { body: { userName } });
      assert.equal(logout.json.code, code, escape(userName));
    }
    socket.disconnect();
  } finally {
    await open.dispose();
  }
});
