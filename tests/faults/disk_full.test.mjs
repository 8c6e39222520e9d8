// F4: the disk is full. Sends are refused as unavailable, reads work, nobody sees a message that is
// not in the log, the server stays up; once there is room again, sends succeed without a gap and
// `maru check` is content. On a tmpfs of its own where mounting is permitted (root), else under a
// limit on the size of files, which is lifted again: the same error to the store, ENOSPC or EFBIG.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { SLOWNESS, Server } from "../support/server.mjs";
import { call, connect, createGroup, join, login, texts, until } from "../support/api.mjs";

const SIZE = 20 * 1024 * 1024;

// A place that gets full: {dataDir, fill(), free(), close()}.
function makeTmpfs() {
  const dataDir = mkdtempSync(joinPath(tmpdir(), "maru-full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE},mode=755`, "tmpfs", dataDir], { encoding: "utf8" });
  if (mounted.status !== 0) {
    rmSync(dataDir, { recursive: true });
    return { refused: (mounted.stderr || String(mounted.error)).trim() };
  }
  const ballast = joinPath(dataDir, "ballast");
  writeFileSync(ballast, Buffer.alloc(SIZE / 2));
  return {
    how: `a tmpfs of ${SIZE / 1024 / 1024} MiB`, dataDir,
    limit: () => {},
    free: () => rmSync(ballast),
    close: () => {
      const unmounted = spawnSync("umount", [dataDir], { encoding: "utf8" });
      assert.equal(unmounted.status, 0, unmounted.stderr);
      rmSync(dataDir, { recursive: true });
    },
  };
}

// RLIMIT_FSIZE of the running server.
function makeLimit() {
  const dataDir = mkdtempSync(joinPath(tmpdir(), "maru-full-"));
  const set = (pid, bytes) => {
    const done = spawnSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr || String(done.error));
  };
  let pid;
  return {
    how: "RLIMIT_FSIZE of 6 MiB", dataDir,
    limit: (server) => set((pid = server.child.pid), 6 * 1024 * 1024),
    free: () => set(pid, "unlimited"),
    close: () => rmSync(dataDir, { recursive: true }),
  };
}

function makePlace() {
  const tmpfs = makeTmpfs();
  if (!tmpfs.refused) return tmpfs;
  console.log(`F4: NO TMPFS (${tmpfs.refused}): a limit on the size of files stands for the full disk`);
  return makeLimit();
}

// With a reserve nobody gets there: guests are stopped first, accounts after them, each said once, and all go
// on by themselves when there is room.
test("a disk with a reserve", { timeout: 120_000 * SLOWNESS }, async (t) => {
  const place = makeTmpfs();
  if (place.refused) return t.skip(`no tmpfs: ${place.refused}`);
  const ballast = joinPath(place.dataDir, "more");
  const server = new Server({ args: ["--rate-limits", "off", "--disk-reserve", "30%"], dataDir: place.dataDir });
  try {
    await server.start();
    const registered = await call(server, "POST", "/api/users/register", { body: { userName: "account", password: "a long pass phrase" } });
    assert.equal(registered.status, 201, registered.text);
    const account = { id: registered.json._id, token: registered.json.token };
    const guest = await login(server);
    const group = await createGroup(server, account, [account, guest]);
    let next = 0;
    const post = (who) => call(server, "POST", `/api/messages/${group._id}`, {
      token: who.token, body: { content: "가".repeat(900), clientMsgId: `m-${next++}` },
    });
    const isRefused = async (who) => {
      const answer = await post(who);
      if (answer.status === 201) return false;
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.json.code, "unavailable");
      return true;
    };
    const freeShare = () => {
      const found = statfsSync(place.dataDir);
      return found.bavail / found.blocks;
    };
    // A guest writes as much as it is let.
    for (let row = []; !row.some(Boolean); assert.ok(next < 20_000, "the guest is never stopped")) {
      row = await Promise.all(Array.from({ length: 32 }, () => isRefused(guest)));
    }
    assert.ok(freeShare() > 0.2, `${freeShare()} free`);
    assert.equal(await isRefused(account), false);
    writeFileSync(ballast, Buffer.alloc(Math.floor(SIZE * (freeShare() - 0.1))));
    await until(() => isRefused(account), "accounts are stopped below half of it");
    assert.equal((await call(server, "GET", `/api/messages/${group._id}?limit=10`, { token: guest.token })).status, 200);
    place.free();
    rmSync(ballast);
    await until(async () => !(await isRefused(account)), "accounts go on");
    await until(async () => !(await isRefused(guest)), "guests go on");
    const said = server.log.filter((line) => line.includes('"event":"disk_room"')).map((line) => JSON.parse(line).meaning);
    assert.deepEqual(said, ["guests cannot write", "nobody can write", "everybody writes"]);
    assert.ok(!server.log.some((line) => line.includes("store_unavailable")), "the end was never met");
  } finally {
    if (server.child) await server.dispose().finally(() => place.close());
    else place.close();
  }
});

test("a full disk", { timeout: 240_000 * SLOWNESS }, async () => {
  const place = makePlace();
  const server = new Server({ args: ["--rate-limits", "off", "--disk-reserve", "0"], dataDir: place.dataDir });
  try {
    await server.start();
    place.limit(server);
    const sender = await login(server);
    const reader = await login(server);
    const group = await createGroup(server, sender, [sender, reader]);
    const watcher = await connect(server, { token: reader.token });
    const socket = await connect(server, { token: sender.token });
    await join(watcher, group);
    await join(socket, group);

    const acked = new Map(); // clientMsgId → content
    const refused = new Set();
    let next = 0;
    const sendOne = async () => {
      const id = `m-${next++}`;
      const content = `${id} ${"가".repeat(900)}`;
      const answer = await socket.timeout(30_000 * SLOWNESS).emitWithAck("sendMessage", { chatId: group._id, content, clientMsgId: id });
      if (answer.ok) acked.set(id, content);
      else {
        assert.equal(answer.error.code, "unavailable", JSON.stringify(answer));
        assert.equal(answer.error.retryable, true);
        refused.add(id);
      }
      return answer.ok;
    };

    // Until it is full: a whole row is refused, so that it was no accident of one batch.
    for (let full = 0; full < 3;) {
      const row = await Promise.all(Array.from({ length: 64 }, sendOne));
      full = row.some(Boolean) ? 0 : full + 1;
      assert.ok(next < 60_000, "the disk is never full");
    }
    // By REST it says the same; one alone may still fit where a row did not.
    let byRest;
    do {
      const clientMsgId = `m-${next++}`;
      const content = `${clientMsgId} ${"가".repeat(900)}`;
      byRest = await call(server, "POST", `/api/messages/${group._id}`, { token: sender.token, body: { content, clientMsgId } });
      if (byRest.status === 201) acked.set(clientMsgId, content);
      assert.ok(next < 60_000, "the disk is never full");
    } while (byRest.status === 201);
    assert.equal(byRest.status, 503, byRest.text);
    assert.equal(byRest.json.code, "unavailable");
    const storedWhenFull = acked.size;
    assert.ok(storedWhenFull > 0);

    // Meanwhile: it is up and reads work.
    assert.ok(server.alive());
    const readNow = await call(server, "GET", `/api/messages/${group._id}?limit=10`, { token: reader.token });
    assert.equal(readNow.status, 200, readNow.text);
    assert.equal(readNow.json.length, 10);
    assert.equal(readNow.headers.get("x-last-sequence"), String(storedWhenFull));
    assert.equal((await call(server, "GET", "/api/chats/mine", { token: reader.token })).status, 200);
    await until(() => texts(watcher).length === storedWhenFull, "what was acknowledged", 30_000);
    const idOf = (content) => content.split(" ")[0];
    for (const content of texts(watcher)) assert.equal(acked.get(idOf(content)), content, "seen, but not acknowledged");

    place.free();
    await until(sendOne, "a send after there is room", 60_000);
    for (let i = 0; i < 50; ++i) assert.ok(await sendOne());
    // What was refused was never stored: the same id is decided anew, as a new message.
    const [again] = refused;
    const resent = await socket.timeout(10_000 * SLOWNESS).emitWithAck("sendMessage", { chatId: group._id, content: "again", clientMsgId: again });
    assert.ok(resent.ok && !resent.duplicate, JSON.stringify(resent));
    acked.set(again, "again");
    refused.delete(again);

    const all = [];
    for (;;) {
      const page = await call(server, "GET", `/api/messages/${group._id}?after=${all.length}&limit=1000`, { token: reader.token });
      assert.equal(page.status, 200, page.text);
      if (page.json.length === 0) break;
      all.push(...page.json);
    }
    assert.deepEqual(all.map((m) => m.sequence), all.map((_, i) => i + 1), "no gap");
    assert.deepEqual(new Map(all.map((m) => [m.clientMsgId, m.content])), acked, "what was acknowledged, and nothing else");
    await until(() => texts(watcher).length === acked.size, "the watcher hears all", 30_000);
    assert.deepEqual(watcher.received.map((m) => m.sequence), all.map((m) => m.sequence));
    socket.disconnect();
    watcher.disconnect();
    await server.stop();
    const checked = await server.check();
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    console.log(`F4: ${place.how}: full after ${storedWhenFull} messages, ${refused.size + 1} sends unavailable, ` +
      `0 acked lost, ${all.length} in the end, no gap`);
  } finally {
    if (server.child) await server.dispose().finally(() => place.close());
    else place.close();
  }
});
