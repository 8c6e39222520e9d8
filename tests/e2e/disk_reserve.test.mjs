// Below the reserve of the disk guests and newcomers wait, below half of it everybody; nobody is locked in or
// out, and reads go on. The reserve is set by what happens to be free: 1.5 and 4 times as much.
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { test } from "node:test";
import { Server, makeDataDir, run } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, send } from "../support/api.mjs";

const free = (path) => {
  const found = statfsSync(path);
  return found.bavail * found.bsize;
};
const PASSWORD = "a long pass phrase";
const message = (clientMsgId) => ({ content: "text", clientMsgId });

test("--disk-reserve: guests wait first, then everybody", async () => {
  const dataDir = makeDataDir();
  let server;
  const start = async (reserve) => {
    if (server) await server.stop();
    server = new Server({ args: ["--rate-ip-logins", "1000", "--rate-ip-registers", "1000", "--disk-reserve", String(reserve)], dataDir });
    await server.start();
  };
  const post = (who, path, body) => call(server, "POST", path, { token: who?.token, body });
  const noticed = () => server.log.filter((line) => line.includes('"event":"disk_room"'));
  const metric = async (name) => Number((await (await fetch(`${server.url}/metrics`)).text()).match(new RegExp(`^${name} (.*)$`, "m"))[1]);
  try {
    await start(0);
    const made = await post(null, "/api/users/register", { userName: "account", password: PASSWORD });
    const account = { id: made.json._id, token: made.json.token };
    const [guest, other] = [await login(server), await login(server)];
    const group = await createGroup(server, account, [account, guest]);
    assert.equal((await post(guest, `/api/messages/${group._id}`, message("first"))).status, 201);
    assert.ok((await metric('maru_stored_bytes_total\\{user="guest"\\}')) > 100);
    assert.deepEqual(noticed(), []);

    const path = `/api/messages/${group._id}`;
    const refused = async (answer) => {
      answer = await answer;
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.json.code, "unavailable");
      assert.equal(answer.json.retryable, true);
    };
    const sendBySocket = async (who) => {
      const socket = await connect(server, { token: who.token });
      await join(socket, group);
      const answer = await send(socket, group, "text");
      socket.disconnect();
      return answer;
    };

    await start(Math.floor(free(dataDir) * 1.5));
    await refused(post(guest, path, message("second")));
    assert.equal((await sendBySocket(guest)).error?.code, "unavailable");
    await refused(post(other, `/api/chats/${group._id}/join`, {}));
    await refused(post(guest, "/api/chats", { chatName: "g", isPersonal: false, users: [] }));
    await refused(post(null, "/api/users/login", { userName: "newcomer" }));
    await refused(post(null, "/api/users/register", { userName: "newcomer", password: PASSWORD }));
    assert.equal((await post(account, path, message("by-the-account"))).status, 201);
    assert.ok((await sendBySocket(account)).ok);
    assert.equal(noticed().length, 1, noticed().join("\n"));
    assert.match(noticed()[0], /guests cannot write/);
    assert.ok((await metric("maru_disk_free_bytes")) < (await metric("maru_disk_reserve_bytes")));

    await start(free(dataDir) * 4);
    await refused(post(account, path, message("another")));
    assert.equal((await sendBySocket(account)).error?.code, "unavailable");
    // What is stored already is answered, and what adds nothing works.
    const again = await post(guest, path, message("first"));
    assert.equal(again.status, 200, again.text);
    assert.equal(again.json.duplicate, true);
    assert.equal((await call(server, "GET", path, { token: guest.token })).json.length, 3);
    const second = await post(null, "/api/users/login", { userName: "account", password: PASSWORD });
    assert.equal(second.status, 200, second.text);
    assert.equal((await post({ token: second.json.token }, "/api/users/logout", {})).status, 200);
    const socket = await connect(server, { token: other.token });
    const revoked = new Promise((resolve) => socket.once("disconnect", resolve));
    assert.equal((await post(other, "/api/users/logout", {})).status, 200);
    await revoked;
    assert.equal(noticed().length, 1, noticed().join("\n"));

    await start(0);
    assert.equal((await post(guest, path, message("second"))).status, 201);
    const bySocket = await connect(server, { token: guest.token });
    assert.ok((await ask(bySocket, "joinRoom", { chatId: group._id })).ok);
    bySocket.disconnect();
  } finally {
    await server?.dispose();
  }
});

test("a reserve that cannot be read is refused by name", async () => {
  for (const value of ["-1", "5 %", "91%", "1GB", "x", "%"]) {
    const refused = await run(["--disk-reserve", value]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /--disk-reserve/, value);
  }
});
