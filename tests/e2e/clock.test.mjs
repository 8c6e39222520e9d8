// A wall clock that jumps for a moment, as a bad time server or a suspended machine makes it: nobody
// is logged out. libfaketime gives the real binary such a clock; its monotonic one goes on as ever.
import assert from "node:assert/strict";
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { Server, makeDataDir } from "../support/server.mjs";
import { call, connect, createGroup, join, login, send, until } from "../support/api.mjs";

const LIBRARY = readdirSync("/usr/lib").map((name) => joinPath("/usr/lib", name, "faketime/libfaketimeMT.so.1"))
  .find((path) => existsSync(path)) ?? assert.fail("libfaketime is missing: tools/setup test");

class Faked extends Server {
  constructor(options) {
    const file = joinPath(makeDataDir(), "offset");
    super({ ...options, env: { LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" } });
    this.file = file;
    this.shift("+0");
  }
  // Whole at once: the library reads it whenever it is asked for the time.
  shift(offset) {
    writeFileSync(`${this.file}.new`, `${offset}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
  says(event) {
    return this.log.filter((line) => line.includes(`"event":"${event}"`)).length;
  }
}


for (const offset of ["+40d", "-3650d"]) {
  test(`${offset} for a moment ends no session`, async () => {
    const server = new Faked({});
    await server.start();
    try {
      const user = await login(server);
      const cookie = { cookie: `maru=${user.token}` };
      const group = await createGroup(server, user);
      const socket = await connect(server, { token: user.token });
      const revoked = [];
      socket.on("sessionRevoked", (payload) => revoked.push(payload));
      await join(socket, group);

      const noticed = server.says("clock_jumped");
      server.shift(offset);
      // Nobody asks for anything: it is the check of the sockets' sessions that notices.
      await until(() => server.says("clock_jumped") > noticed, "the jump noticed");
      const me = await call(server, "GET", "/api/users/me", { headers: cookie });
      assert.equal(me.status, 200, me.text);
      assert.equal(me.headers.get("set-cookie"), null);
      const sessions = await call(server, "GET", "/api/users/me/sessions", { token: user.token });
      assert.equal(sessions.json.sessions.length, 1);
      const sent = await send(socket, group, "in the wrong year");
      assert.equal(sent.ok, true);
      // The clock was truly wrong, and what people are shown says so.
      assert.ok(Math.abs(Date.parse(sent.message.createdAt) - Date.now()) > 39 * 86_400_000, sent.message.createdAt);
      const other = await connect(server, { token: user.token });
      // A login of that moment lives on when the clock is right again.
      const late = await login(server);

      server.shift("+0");
      assert.equal((await call(server, "GET", "/api/users/me", { headers: cookie })).status, 200);
      assert.equal((await call(server, "GET", "/api/users/me", { token: late.token })).status, 200);
      assert.equal((await send(socket, group, "in time")).ok, true);
      assert.deepEqual(revoked, []);
      assert.ok(socket.connected && other.connected);
      socket.disconnect();
      other.disconnect();
    } finally {
      await server.dispose();
    }
  });
}
