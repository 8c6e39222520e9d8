// Row 30 of the security checklist: each of these actions leaves one record, whatever --log-level
// says: who, from where, on what.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort, startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, uniqueName, until } from "../support/api.mjs";

test("logins, logouts, joins, leaves, ended sessions and limits are audited at --log-level error", async () => {
  // "ready" is an info: the log of a server at another level cannot be waited for, /readyz can.
  const quiet = await startServer({
    args: ["--rate-user-messages", "0.01/1", "--log-level", "error"], readyBy: "probe", port: await freePort(),
  });
  const records = (event, fields) => quiet.log.map((line) => JSON.parse(line)).filter((record) =>
    record.event === event && Object.entries(fields).every(([key, value]) => record[key] === value));
  const oneRecord = async (event, fields) => {
    await until(() => records(event, fields).length > 0, `${event} ${JSON.stringify(fields)}`);
    const found = records(event, fields);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.equal(found[0].level, "audit");
    assert.match(found[0].time, /Z$/);
    return found[0];
  };
  try {
    const owner = await login(quiet);
    const guest = await login(quiet);
    const byRest = await login(quiet);
    assert.equal((await oneRecord("audit_login", { user: owner.id })).ip, "127.0.0.1");
    const group = await createGroup(quiet, owner);
    await oneRecord("audit_chat_created", { user: owner.id, chat: group._id });
    await call(quiet, "POST", `/api/chats/${group._id}/join`, { token: byRest.token, body: {} });
    assert.equal((await oneRecord("audit_member_joined", { user: byRest.id, chat: group._id })).ip, "127.0.0.1");
    const socket = await connect(quiet, { token: guest.token });
    await join(socket, group);
    await join(socket, group); // a member already: no second record
    const { session } = await oneRecord("audit_member_joined", { user: guest.id, chat: group._id });
    assert.equal((await oneRecord("audit_login", { user: guest.id })).session, session);
    const left = await ask(socket, "leaveRoom", { chatId: group._id });
    assert.equal(left.left, true);
    await oneRecord("audit_member_left", { user: guest.id, chat: group._id });
    // One of two is in the rate; the rest of a row of refusals is one record.
    await join(socket, group);
    const answers = await Promise.all([1, 2, 3, 4].map((i) => ask(socket, "sendMessage", { chatId: group._id, content: `${i}` })));
    assert.equal(answers.filter((a) => a.error?.code === "rate_limited").length, 3);
    await oneRecord("audit_rate_limited", { user: guest.id });
    await call(quiet, "GET", "/api/users", { token: owner.token, headers: { origin: "https://evil.example" } });
    await oneRecord("audit_origin_refused", { origin: "https://evil.example", ip: "127.0.0.1" });
    // Another password ends the other session.
    const password = "a long password 1";
    const account = (await call(quiet, "POST", "/api/users/register", { body: { userName: uniqueName(), password } })).json;
    assert.equal((await oneRecord("audit_register", { user: account._id })).ip, "127.0.0.1");
    assert.equal(records("audit_login", { user: account._id }).length, 0, "one action, one record");
    const other = (await call(quiet, "POST", "/api/users/login", { body: { userName: account.userName, password } })).json;
    const changed = await call(quiet, "PATCH", "/api/users/me", {
      token: account.token, body: { password: "a long password 2", currentPassword: password },
    });
    assert.equal(changed.status, 200, changed.text);
    await oneRecord("audit_password_changed", { user: account._id });
    await oneRecord("audit_session_ended", { user: account._id });
    assert.equal((await call(quiet, "GET", "/api/users/me", { token: other.token })).status, 401);
    await call(quiet, "POST", "/api/users/logout", { token: guest.token, body: {} });
    await oneRecord("audit_logout", { user: guest.id });
    await oneRecord("audit_session_ended", { user: guest.id, session });
    assert.deepEqual([...new Set(quiet.log.map((line) => JSON.parse(line).level))], ["audit"], "nothing else");
    socket.disconnect();
  } finally {
    await quiet.dispose();
  }
});
