// The program as its operator meets it: verbs, options, signals, files.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync, chownSync, cpSync, existsSync, lchownSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { NOBODY, Server, makeDataDir, run, startServer } from "../support/server.mjs";
import { ask, call, connect, createGroup, join, login, send } from "../support/api.mjs";

const isRoot = process.getuid() === 0;

// The reason of the log line with which a start failed.
function reasonOf({ stderr }) {
  const line = stderr.trim().split("\n").map((text) => JSON.parse(text)).find((l) => l.event === "start_failed");
  assert.ok(line, `no start_failed in:\n${stderr}`);
  return line.reason;
}

test("version, help and what is wrong with an option", async () => {
  const version = await run(["version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^maru \d+\.\d+\.\d+( \([0-9a-f]+\))?\n$/);
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const word of ["serve", "check", "--port", "MARU_DATA_DIR", "CLIENT_URL"]) assert.ok(help.stdout.includes(word), word);
  assert.equal((await run(["check", "--help"])).stdout, help.stdout);
  const wrong = await run(["--port", "banana"]);
  assert.equal(wrong.code, 64);
  assert.match(wrong.stderr, /--port: 'banana'/);
  const backend = await run([], { env: { MONGO_URI: "mongodb://chat:s3cr3t@127.0.0.1" } });
  assert.equal(backend.code, 64);
  assert.match(backend.stderr, /MONGO_URI.*not in this build yet/);
  assert.ok(!backend.stderr.includes("s3cr3t"), backend.stderr);
});

test("config prints a file that the server starts with", async () => {
  const sample = await run(["config"]);
  assert.equal(sample.code, 0);
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, "maru.toml"), "\ufeff" + sample.stdout.replace("#auth = \"accounts\"", "auth = \"open\""));
  const server = await startServer({ dataDir: dir, args: ["--config", "maru.toml"] });
  await server.dispose();
  assert.ok(server.log.some((line) => line.includes('"auth":"open"')));
  rmSync(dir, { recursive: true });
});

test("a configuration file or .env that is there but cannot be read is refused by name", async () => {
  const cwd = makeDataDir();
  mkdirSync(joinPath(cwd, ".env"));
  const dotenv = await run(["--port", "0"], { cwd });
  assert.equal(dotenv.code, 64);
  assert.match(dotenv.stderr, /\.env: is not a regular file/);
  rmSync(joinPath(cwd, ".env"), { recursive: true });
  for (const args of [["--config", cwd], ["--config", joinPath(cwd, "absent")]]) {
    const config = await run(["--port", "0", ...args], { cwd });
    assert.equal(config.code, 64);
    assert.ok(config.stderr.includes(args[1]), config.stderr);
  }
  rmSync(cwd, { recursive: true });
});

test("a port that is in use is an error, not a second server", async () => {
  const server = await startServer();
  try {
    const dir = joinPath(makeDataDir(), "never-made");
    const second = await run(["--port", String(server.port), "--host", "127.0.0.1", "--data-dir", dir]);
    assert.equal(second.code, 1, second.stderr);
    assert.ok(!existsSync(dir), "a start that fails leaves nothing behind");
    assert.equal(reasonOf(second), `cannot listen on 127.0.0.1:${server.port}: another process is using this port`);
  } finally {
    await server.dispose();
  }
  const stranger = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => stranger.once("listening", resolve));
  const refused = await run(["--port", String(stranger.address().port), "--host", "127.0.0.1", "--data-dir", makeDataDir()]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(reasonOf(refused), /another process is using this port$/);
  stranger.close();
});

test("TLS files that cannot be used fail the start and leave no data directory", async () => {
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, "bad.pem"), "no certificate");
  const failed = await run(["--port", "0", "--data-dir", joinPath(dir, "data"),
    "--tls-cert", joinPath(dir, "bad.pem"), "--tls-key", joinPath(dir, "bad.pem")]);
  assert.equal(failed.code, 1);
  assert.ok(failed.stderr.includes("bad.pem"), failed.stderr);
  assert.ok(!existsSync(joinPath(dir, "data")));
  rmSync(dir, { recursive: true });
});

test("new-epoch after a restore: clients that were ahead begin anew", async () => {
  const server = await startServer();
  const user = await login(server);
  const group = await createGroup(server, user);
  const dir = joinPath(server.dataDir, "data");
  const socket = await connect(server, { token: user.token });
  await join(socket, group);
  await send(socket, group, "in the backup");
  const running = await run(["new-epoch", "--data-dir", dir]);
  assert.equal(running.code, 2, running.stderr);
  socket.disconnect();
  await server.stop();
  cpSync(dir, joinPath(server.dataDir, "backup"), { recursive: true });

  await server.start();
  const ahead = await connect(server, { token: user.token });
  const before = await ask(ahead, "sync", { chats: { [group._id]: 0 } });
  await send(ahead, group, "lost by the restore");
  ahead.disconnect();
  await server.stop();
  rmSync(dir, { recursive: true });
  cpSync(joinPath(server.dataDir, "backup"), dir, { recursive: true });
  const marked = await run(["new-epoch", "--data-dir", dir]);
  assert.equal(marked.code, 0, marked.stderr);
  assert.match(marked.stdout, /a new epoch/);
  assert.equal((await server.check()).code, 0);

  await server.start();
  const again = await connect(server, { token: user.token });
  const after = await ask(again, "sync", { epoch: before.epoch, chats: { [group._id]: 2 } });
  assert.equal(after.reset, true);
  assert.notEqual(after.epoch, before.epoch);
  assert.equal((await ask(again, "sync", { epoch: after.epoch, chats: {} })).reset, false);
  again.disconnect();
  await server.dispose();
  assert.equal((await run(["new-epoch", "--data-dir", "/nonexistent/maru"])).code, 1);
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
  assert.equal(second.code, 1, "a second server on one directory");
  assert.match(reasonOf(second), /another process|in use|locked/);
  await server.stop();
  const clean = await server.check();
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  const file = joinPath(server.dataDir, "data", "maru.db");
  const bytes = readFileSync(file);
  bytes.fill(0xff, 8192, 16384);
  writeFileSync(file, bytes);
  const damaged = await server.check();
  assert.equal(damaged.code, 1, damaged.stdout + damaged.stderr);
  const absent = await run(["check", "--data-dir", "/nonexistent/maru"]);
  assert.equal(absent.code, 1);
  assert.equal(absent.stderr, "maru check: The data directory /nonexistent/maru cannot be opened: No such file or directory.\n");
});

test("a data directory that cannot be used says so", async () => {
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, "file"), "");
  const notDirectory = await run(["--port", "0", "--data-dir", joinPath(dir, "file")]);
  assert.equal(notDirectory.code, 1);
  assert.equal(reasonOf(notDirectory), `${joinPath(dir, "file")} is not a directory.`);
  mkdirSync(joinPath(dir, "foreign"));
  writeFileSync(joinPath(dir, "foreign", "maru.db"), "this is no database".repeat(1000));
  const foreign = await run(["--port", "0", "--data-dir", joinPath(dir, "foreign")]);
  assert.equal(foreign.code, 1);
  assert.equal(reasonOf(foreign), `${joinPath(dir, "foreign", "maru.db")} is not a store of Maru; it was left as it is.`);
  assert.equal(readFileSync(joinPath(dir, "foreign", "maru.db"), "utf8"), "this is no database".repeat(1000));
  chmodSync(dir, 0o555);
  const forbidden = await run(["--port", "0", "--data-dir", joinPath(dir, "new")], { nobody: isRoot });
  assert.equal(forbidden.code, 1);
  assert.equal(reasonOf(forbidden), `The data directory ${joinPath(dir, "new")} cannot be created: Permission denied.`);
  chmodSync(dir, 0o755);
});

test("a database file that cannot be read is an error and stays as it is", async () => {
  const server = await startServer();
  await login(server);
  await server.stop();
  const data = joinPath(server.dataDir, "data");
  const file = joinPath(data, "maru.db");
  const before = readFileSync(file);
  if (isRoot) {
    for (const path of [server.dataDir, data, ...readdirSync(data).map((name) => joinPath(data, name))]) {
      chownSync(path, NOBODY, NOBODY);
    }
  }
  chmodSync(file, 0);
  for (const args of [["--port", "0", "--host", "127.0.0.1", "--data-dir", data], ["check", "--data-dir", data]]) {
    const refused = await run(args, { nobody: isRoot });
    assert.equal(refused.code, 1, refused.stdout + refused.stderr);
    assert.ok(refused.stderr.includes(file), refused.stderr);
    assert.match(refused.stderr, /cannot be (opened|read)|[Pp]ermission denied|unable to open/);
  }
  chmodSync(file, 0o600);
  assert.deepEqual(readFileSync(file), before);
  const checked = await server.check();
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
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
    server.signal(signal);
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

test("histograms of /metrics have bounds that people can read", async () => {
  const server = await startServer();
  const { text } = await call(server, "GET", "/metrics");
  await server.dispose();
  const bounds = [...text.matchAll(/^maru_append_seconds_bucket\{le="([^"]+)"\}/gm)].map((match) => match[1]);
  assert.ok(bounds.includes("0.524288"), bounds.join(" "));
  for (const bound of bounds) assert.ok(bound.length <= 9, bound);
});

test("SIGHUP: without a terminal and TLS it ends nothing, on a terminal it drains", async () => {
  const server = await startServer();
  server.child.kill("SIGHUP");
  await server.dispose(); // exit 0, by the SIGTERM of this
  // On a terminal of its own, which then hangs up.
  const dir = makeDataDir();
  const code = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen:
    seen += os.read(terminal, 4096)
os.close(terminal)
_, status = os.waitpid(pid, 0)
print("exit", os.waitstatus_to_exitcode(status))
`;
  const hung = spawnSync("python3", ["-c", code, server.child.spawnfile, "--port", "0", "--host", "127.0.0.1",
    "--data-dir", joinPath(dir, "data")], { cwd: dir, encoding: "utf8", timeout: 30_000 });
  assert.equal(hung.stdout, "exit 0\n", hung.stderr);
  rmSync(dir, { recursive: true });
});

test("a .env in the working directory is honoured for the original's names, and the start says what came from where", async () => {
  const dir = makeDataDir();
  writeFileSync(joinPath(dir, ".env"), "MARU_AUTH=open\nCLIENT_URL=http://front.example\n", { mode: 0o600 });
  const server = await startServer({ dataDir: dir, env: { MARU_LOG_LEVEL: "debug" } });
  try {
    const records = server.log.map((line) => JSON.parse(line));
    assert.equal(records.find((record) => record.event === "ready").auth, "accounts");
    assert.deepEqual(records.filter((record) => record.event === "dotenv_ignored").map((record) => record.name), ["MARU_AUTH"]);
    const from = Object.fromEntries(records.filter((record) => record.event === "setting")
      .map((record) => [record.option, [record.value, record.from]]));
    assert.deepEqual(from, {
      "client-url": ["http://front.example", "CLIENT_URL in .env"],
      "data-dir": [joinPath(dir, "data"), "--data-dir"],
      host: ["127.0.0.1", "--host"],
      "log-format": ["json", "--log-format"],
      "log-level": ["debug", "MARU_LOG_LEVEL"],
      port: ["0", "--port"],
    });
    const refused = await call(server, "GET", "/api/openapi.json", { headers: { origin: "http://other.example" } });
    assert.equal(refused.status, 403);
    const fine = await call(server, "GET", "/api/openapi.json", { headers: { origin: "http://front.example" } });
    assert.equal(fine.status, 200);
    assert.equal(fine.headers.get("access-control-allow-origin"), "http://front.example");
  } finally {
    await server.dispose();
  }
});

test("a .env that another user may have written is refused", async () => {
  const cwd = makeDataDir();
  const file = joinPath(cwd, ".env");
  const refused = async (reason) => {
    for (const verb of [["serve"], ["check"]]) {
      const { code, stderr } = await run([...verb, "--port", "0", "--data-dir", joinPath(cwd, "data")], { cwd });
      assert.equal(code, 64, stderr);
      assert.match(stderr, reason);
    }
  };
  writeFileSync(file, "PORT=0\n");
  for (const mode of [0o666, 0o602, 0o660]) {
    chmodSync(file, mode);
    await refused(/\.env: may be written by others/);
  }
  chmodSync(file, 0o600);
  if (isRoot) {
    chownSync(file, NOBODY, NOBODY);
    await refused(/\.env: belongs to another user/);
    writeFileSync(joinPath(cwd, "own"), "PORT=0\n", { mode: 0o600 });
    rmSync(file);
    symlinkSync("own", file);
    lchownSync(file, NOBODY, NOBODY);
    await refused(/\.env: belongs to another user/);
  }
  assert.ok(!existsSync(joinPath(cwd, "data")));
});
