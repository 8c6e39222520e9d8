// The data directory as an operator may leave it: open to others, with what is no file, gone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificate.mjs";
import { SLOWNESS, makeDataDir, run, startServer } from "../support/server.mjs";
import { login } from "../support/api.mjs";

const serve = (data) => run(["--port", "0", "--host", "127.0.0.1", "--data-dir", data]);
const reasonOf = ({ stderr }) => stderr.trim().split("\n").map((line) => JSON.parse(line))
  .find((record) => record.event === "start_failed")?.reason ?? stderr;

// The server goes on and has to end with 70 within 5 s.
async function endsWith70(server) {
  const since = performance.now();
  const { code } = await server.exited;
  assert.equal(code, 70, server.log.slice(-5).join("\n"));
  assert.ok(performance.now() - since < 5_000 * SLOWNESS);
  const last = JSON.parse(server.log.at(-1));
  assert.equal(last.event, "store_fatal");
  assert.match(last.reason, /the data directory was taken away/);
}

test("a directory that is renamed under a server ends it, and no other starts there meanwhile", async () => {
  const server = await startServer();
  await login(server);
  const data = joinPath(server.dataDir, "data");
  server.child.kill("SIGSTOP"); // so that it cannot look before the others start
  renameSync(data, `${data}-moved`);
  try {
    const moved = await serve(`${data}-moved`);
    assert.equal(moved.code, 1);
    assert.equal(reasonOf(moved), `The data directory ${data}-moved is in use by another process (${server.child.pid}).`);
    const fresh = await serve(data);
    assert.equal(fresh.code, 1);
    assert.equal(reasonOf(fresh), `The data directory ${data} is in use by another process (${server.child.pid}).`);
    assert.ok(!existsSync(data), "and leaves nothing there");
  } finally {
    server.child.kill("SIGCONT");
  }
  await endsWith70(server);
  const check = await run(["check", "--data-dir", `${data}-moved`]);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  const again = await startServer({ dataDir: server.dataDir });
  await again.stop();
  rmSync(server.dataDir, { recursive: true });
});

test("a directory or a file of the store that is removed or replaced ends the server", async () => {
  const removals = [
    (data) => rmSync(data, { recursive: true }),
    (data) => rmSync(joinPath(data, "maru.db-wal")),
    (data) => rmSync(joinPath(data, "maru.lock")),
    (data) => {
      copyFileSync(joinPath(data, "maru.db"), joinPath(data, "copy"));
      renameSync(joinPath(data, "copy"), joinPath(data, "maru.db"));
    },
  ];
  for (const remove of removals) {
    const server = await startServer();
    const data = joinPath(server.dataDir, "data");
    server.child.kill("SIGSTOP");
    remove(data);
    try {
      assert.equal((await serve(data)).code, 1, `${remove}`);
    } finally {
      server.child.kill("SIGCONT");
    }
    await endsWith70(server);
    rmSync(server.dataDir, { recursive: true });
  }
});

test("what is no regular file in place of one of the store's is refused, not waited for", async () => {
  for (const name of ["maru.lock", "maru.db", "maru.db-wal", "maru.db-shm", "recovery.bin", "recovery.bin.tmp"]) {
    const made = {
      pipe: (path) => assert.equal(spawnSync("mkfifo", [path]).status, 0),
      directory: (path) => mkdirSync(path),
      device: (path) => symlinkSync("/dev/zero", path),
      pipe_behind_a_link: (path) => {
        assert.equal(spawnSync("mkfifo", [`${path}.pipe`]).status, 0);
        symlinkSync(`${path}.pipe`, path);
      },
    };
    for (const [kind, make] of Object.entries(made)) {
      const data = makeDataDir();
      make(joinPath(data, name));
      for (const verb of ["serve", "check", "new-epoch"]) {
        const refused = await run([verb, "--port", "0", "--host", "127.0.0.1", "--data-dir", data]);
        assert.equal(refused.code, 1, `${verb} ${kind} ${name}: ${refused.stderr}`);
        const path = joinPath(data, name);
        if (verb === "serve") assert.equal(reasonOf(refused), `${path} is not a regular file.`);
        if (verb === "check") assert.equal(refused.stderr, `maru check: ${path} is not a regular file.\n`);
      }
      rmSync(data, { recursive: true });
    }
  }
});

test("the start warns of what others can read, of root and of trusting every proxy", async () => {
  const warnings = (server) => server.log.map((line) => JSON.parse(line))
    .filter((record) => record.level === "warn").map((record) => record.event).sort();
  const rootly = process.getuid() === 0 ? ["runs_as_root"] : [];
  const dir = makeDataDir();
  const { key, args: tls } = makeCertificate(dir);
  chmodSync(key, 0o640);
  const careful = await startServer({ dataDir: dir, args: [...tls, "--trusted-proxies", "10.0.0.0/8,192.0.2.1"] });
  await careful.stop();
  assert.deepEqual(warnings(careful), rootly);
  assert.equal(statSync(joinPath(dir, "data")).mode & 0o777, 0o700);
  chmodSync(key, 0o644);
  chmodSync(joinPath(dir, "data"), 0o750);
  for (const all of ["0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "::/0"]) {
    const careless = await startServer({ dataDir: dir, args: [...tls, "--trusted-proxies", all] });
    await careless.stop();
    assert.deepEqual(warnings(careless),
      ["data_dir_open_to_others", ...rootly, "tls_key_open_to_others", "trusts_any_proxy"]);
  }
  rmSync(dir, { recursive: true });
});
