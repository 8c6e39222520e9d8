// The program as its operator meets it: verbs, options, signals, files.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { Server, makeDataDir, run, startServer } from "../support/server.mjs";
import { call, connect, createGroup, join, login, send } from "../support/api.mjs";

test("version, help and what is wrong with an option", async () => {
  const version = await run(["version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^maru \d+\.\d+\.\d+\n$/);
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const word of ["serve", "check", "--port", "MARU_DATA_DIR", "CLIENT_URL"]) assert.ok(help.stdout.includes(word), word);
  const wrong = await run(["--port", "banana"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--port: 'banana'/);
  const backend = await run([], { env: { MONGO_URI: "mongodb://127.0.0.1" } });
  assert.equal(backend.code, 2);
  assert.match(backend.stderr, /MONGO_URI.*not in this build yet/);
});

test("a port that is in use is an error, not a second server", async () => {
  const server = await startServer();
  try {
    const second = await run(["--port", String(server.port), "--host", "127.0.0.1", "--data-dir", makeDataDir()]);
    assert.notEqual(second.code, 0);
    assert.ok(second.stderr.includes(String(server.port)), second.stderr);
    assert.match(second.stderr, /another process is using this port/);
  } finally {
    await server.dispose();
  }
  const stranger = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => stranger.once("listening", resolve));
  const refused = await run(["--port", String(stranger.address().port), "--host", "127.0.0.1", "--data-dir", makeDataDir()]);
  assert.notEqual(refused.code, 0);
  stranger.close();
});

test("check: clean, locked, damaged, absent", async () => {
  const server = await startServer();
  const user = await login(server);
  const group = await createGroup(server, user);
  const socket = await connect(server, { token: user.token });
  await join(socket, group);
  for (let i = 0; i < 5; ++i) await send(socket, group, `m ${i}`);
  socket.disconnect();
  const locked = await server.check();
  assert.equal(locked.code, 2, locked.stdout + locked.stderr);
  const second = await run(["--port", "0", "--host", "127.0.0.1", "--data-dir", joinPath(server.dataDir, "data")]);
  assert.notEqual(second.code, 0, "a second server on one directory");
  await server.stop();
  const clean = await server.check();
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  const file = joinPath(server.dataDir, "data", "maru.db");
  const bytes = readFileSync(file);
  bytes.fill(0xff, 8192, 16384);
  writeFileSync(file, bytes);
  const damaged = await server.check();
  assert.equal(damaged.code, 1, damaged.stdout + damaged.stderr);
  assert.notEqual((await run(["check", "--data-dir", "/nonexistent/maru"])).code, 0);
});

test("a data directory that cannot be used says so", async () => {
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, "file"), "");
  const notDirectory = await run(["--port", "0", "--data-dir", joinPath(dir, "file")]);
  assert.notEqual(notDirectory.code, 0);
  assert.ok(notDirectory.stderr.includes(joinPath(dir, "file")), notDirectory.stderr);
  mkdirSync(joinPath(dir, "foreign"));
  writeFileSync(joinPath(dir, "foreign", "maru.db"), "this is no database".repeat(1000));
  const foreign = await run(["--port", "0", "--data-dir", joinPath(dir, "foreign")]);
  assert.notEqual(foreign.code, 0);
  assert.equal(readFileSync(joinPath(dir, "foreign", "maru.db"), "utf8"), "this is no database".repeat(1000));
  if (process.getuid() !== 0) {
    chmodSync(dir, 0o500);
    assert.notEqual((await run(["--port", "0", "--data-dir", joinPath(dir, "new")])).code, 0);
  }
});

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} drains: clients are told, every ack stands, exit 0 within 4 s`, async () => {
    const server = await startServer({ args: ["--rate-limits", "off"] });
    const user = await login(server);
    const group = await createGroup(server, user);
    const sockets = await Promise.all(["websocket", "polling"].map((t) =>
      connect(server, { token: user.token, transports: [t] })));
    for (const socket of sockets) await join(socket, group);
    const told = sockets.map((socket) => new Promise((resolve) => socket.once("serverDraining", resolve)));
    const gone = sockets.map((socket) => new Promise((resolve) => socket.once("disconnect", resolve)));
    const answers = Array.from({ length: 20 }, (_, i) => send(sockets[0], group, `m ${i}`, `d-${i}`));
    await answers[0];
    const started = performance.now();
    server.child.kill(signal);
    await Promise.all(told);
    for (const reason of await Promise.all(gone)) {
      assert.ok(["transport close", "transport error"].includes(reason), reason); // not 41: they come back
    }
    const { code } = await server.exited;
    const tookMs = performance.now() - started;
    assert.equal(code, 0);
    assert.ok(tookMs < 4000 * Number(process.env.MARU_TEST_SLOWNESS ?? 1), `${tookMs} ms`);
    const acked = (await Promise.allSettled(answers)).filter((a) => a.status === "fulfilled" && a.value.ok);
    const again = await new Server({ dataDir: server.dataDir }).start();
    const page = await call(again, "GET", `/api/messages/${group._id}`, { token: user.token });
    const stored = new Set(page.json.map((m) => m.clientMsgId));
    for (const answer of acked) assert.ok(stored.has(answer.value.message.clientMsgId));
    await again.stop();
    await server.dispose();
  });
}

test("a .env in the working directory is honoured", async () => {
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, ".env"), "MARU_AUTH=open\nCLIENT_URL=http://front.example\n");
  const server = await startServer({ dataDir: dir });
  try {
    assert.ok(server.log.some((line) => line.includes('"auth":"open"')));
    const refused = await call(server, "GET", "/users", { headers: { origin: "http://other.example" } });
    assert.equal(refused.status, 403);
    const fine = await call(server, "GET", "/users", { headers: { origin: "http://front.example" } });
    assert.equal(fine.status, 200);
    assert.equal(fine.headers.get("access-control-allow-origin"), "http://front.example");
  } finally {
    await server.dispose();
  }
});
