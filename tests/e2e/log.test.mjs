// The log as those meet it who run the server: a reader that hangs, descriptors that are closed.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join as joinPath, resolve } from "node:path";
import { test } from "node:test";
import { MARU_BIN, SLOWNESS, freePort, makeDataDir, startServer } from "../support/server.mjs";
import { call, connect, createGroup, join, login, send, uniqueName, until } from "../support/api.mjs";

// A pipe for stderr that is full and that nobody reads, until read() is called.
class FullPipe {
  #text = "";

  constructor() {
    const path = joinPath(makeDataDir(), "stderr");
    assert.equal(spawnSync("mkfifo", [path]).status, 0);
    this.reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const line = `${"-".repeat(4095)}\n`;
    try {
      for (;;) writeSync(filler, line);
    } catch (error) {
      assert.equal(error.code, "EAGAIN");
    }
    closeSync(filler);
    this.end = openSync(path, constants.O_WRONLY);
  }

  // The records so far.
  read() {
    const bytes = Buffer.alloc(65_536);
    try {
      for (let size; (size = readSync(this.reader, bytes)) > 0;) this.#text += bytes.toString("utf8", 0, size);
    } catch (error) {
      assert.equal(error.code, "EAGAIN");
    }
    return this.#text.split("\n").slice(0, -1).filter((line) => !line.startsWith("-")).map((line) => JSON.parse(line));
  }

  close() {
    closeSync(this.reader);
    closeSync(this.end);
  }
}

const droppedAudits = async (server) =>
  Number(/^maru_log_lines_dropped_total\{kind="audit"\} (\d+)$/m.exec((await call(server, "GET", "/metrics")).text)[1]);

test("a stderr that nobody reads holds up nobody; what is lost is counted and said", async () => {
  const pipe = new FullPipe();
  const server = await startServer({
    args: ["--rate-limits", "off", "--log-bytes", "65536"], readyBy: "probe", port: await freePort(), stderr: pipe.end,
  });
  try {
    const user = await login(server);
    for (let i = 0; i < 38; ++i) {
      await Promise.all(Array.from({ length: 10 }, () =>
        call(server, "POST", "/api/users/login", { body: { userName: uniqueName() } })));
    }
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    // The audit of a session's end comes from the sequencer, which must go on.
    const other = await login(server);
    assert.equal((await call(server, "POST", "/api/users/logout", { token: other.token, body: {} })).status, 200);
    const group = await createGroup(server, user);
    const socket = await connect(server, { token: user.token });
    await join(socket, group);
    assert.equal((await send(socket, group, "still here")).ok, true);
    socket.disconnect();
    const dropped = await droppedAudits(server);
    assert.ok(dropped > 0, "the queue has a bound");
    await until(() => pipe.read().some((record) => record.event === "log_lines_dropped"), "said");
    const said = pipe.read().filter((record) => record.event === "log_lines_dropped");
    assert.equal(said.length, 1);
    assert.equal(said[0].audit, await droppedAudits(server));
    assert.ok(pipe.read().some((record) => record.event === "ready"), "what was there first is kept");
    const late = await login(server);
    await until(() => pipe.read().some((record) => record.event === "audit_login" && record.user === late.id), "lines flow");
  } finally {
    await server.dispose();
    pipe.close();
  }
});

test("a stderr that nobody reads does not hold up the end", async () => {
  const pipe = new FullPipe();
  const server = await startServer({ readyBy: "probe", port: await freePort(), stderr: pipe.end });
  await login(server);
  const asked = performance.now();
  await server.dispose(); // exit 0
  const tookMs = performance.now() - asked;
  assert.ok(tookMs < 5_000 * SLOWNESS, `${tookMs} ms`);
  pipe.close();
});

test("descriptors 0 to 2 closed: no line of the log lands in a file of the store", async () => {
  const data = joinPath(makeDataDir(), "data");
  const port = await freePort();
  const child = spawn("sh", ["-c", 'exec "$0" "$@" <&- >&- 2>&-', resolve(MARU_BIN),
    "--port", String(port), "--host", "127.0.0.1", "--data-dir", data], { stdio: "ignore" });
  try {
    const server = { url: `http://127.0.0.1:${port}`, port };
    const isUp = () => fetch(`${server.url}/readyz`).then((answer) => answer.ok, () => false);
    await until(isUp, "ready");
    await login(server);
    assert.equal(readFileSync(joinPath(data, "maru.lock"), "utf8"), `${child.pid}\n`);
  } finally {
    child.kill("SIGTERM");
  }
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const check = spawnSync("sh", ["-c", 'exec "$0" "$@" <&- >&- 2>&-', resolve(MARU_BIN), "check", "--data-dir", data]);
  assert.equal(check.status, 0);
});

test("what a client can cause without end is a few records and a count", async () => {
  const server = await startServer({ args: ["--rate-ip-logins", "1"] });
  const records = (event) => server.log.map((line) => JSON.parse(line)).filter((record) => record.event === event);
  const counts = (event) => records(event).filter((record) => record.count !== undefined);
  const attempt = () => call(server, "POST", "/api/users/login", { body: { userName: uniqueName(), password: "no such password" } });
  try {
    assert.equal((await attempt()).status, 401);
    for (let i = 0; i < 50; ++i) assert.equal((await attempt()).status, 429);
    for (let i = 0; i < 50; ++i) {
      const refused = await call(server, "GET", "/api/users", { headers: { origin: `https://evil${i % 9}.example` } });
      assert.equal(refused.status, 403);
    }
  } finally {
    await server.dispose(); // ends the minute
  }
  assert.equal(records("audit_login_failed").length, 1);
  assert.equal(records("audit_rate_limited").length, 2);
  assert.deepEqual(counts("audit_rate_limited").map(({ time, ...rest }) => rest),
    [{ level: "audit", event: "audit_rate_limited", limit: "logins", network: "127.0.0.1", count: 49 }]);
  assert.equal(records("audit_origin_refused").length, 4);
  assert.deepEqual(counts("audit_origin_refused").map(({ time, ...rest }) => rest),
    [{ level: "audit", event: "audit_origin_refused", network: "127.0.0.1", count: 47 }]);
});
