// F2: power cuts under the real binary. Its data lie on an ext4 in an image file on an XFS; the server
// is stopped in the middle of a load, the image is cloned as it is at that moment (a reflink, atomic),
// and the server goes on from the clone as after a cut: what the kernel had not written yet is gone.
// MARU_CUTS (CI: 3; 20 by hand). Needs root, loop devices and xfsprogs, changes nothing outside
// its own directory, and says loudly where it cannot run.
//
// A run in which nothing was unwritten would prove nothing: each clone is compared with the live file
// system, and at least one must lack something that the server had written but not synced.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, Server } from "../support/server.mjs";
import { call, createGroup, login, open } from "../support/api.mjs";

const CUTS = Number(process.env.MARU_CUTS ?? 5);
const CLIENTS = 20;

function sh(program, ...args) {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.error ?? done.stderr}`);
  return done.stdout.trim();
}

function whyNot() {
  if (process.getuid() !== 0) return "not root";
  for (const program of ["mkfs.xfs", "mkfs.ext4", "losetup"]) {
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) return `${program} is missing`;
  }
  return spawnSync("losetup", ["-f"]).status === 0 ? null : "no loop device";
}

// The two file systems, one in the other.
class Disk {
  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "maru-cut-"));
    for (const name of ["outer", "data"]) mkdirSync(join(this.root, name));
    this.outer = join(this.root, "outer");
    this.data = join(this.root, "data");
    sh("truncate", "-s", "2G", join(this.root, "outer.img"));
    sh("mkfs.xfs", "-q", "-m", "reflink=1", join(this.root, "outer.img"));
    sh("mount", "-o", "loop", join(this.root, "outer.img"), this.outer);
    this.image = join(this.outer, "0.img");
    sh("truncate", "-s", "256M", this.image);
    sh("mkfs.ext4", "-q", this.image);
    sh("mount", "-o", "loop", this.image, this.data);
  }
  clone(number) {
    const image = join(this.outer, `${number}.img`);
    sh("cp", "--reflink=always", this.image, image);
    return image;
  }
  goOnFrom(image) {
    sh("umount", this.data);
    rmSync(this.image);
    this.image = image;
    sh("mount", "-o", "loop", this.image, this.data);
  }
  dispose() {
    spawnSync("umount", [this.data]);
    spawnSync("umount", [this.outer]);
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function sendUntilGone(server, user, chat, index, acked) {
  const socket = open(server, { token: user.token, reconnection: false });
  for (let next = 0; ; ++next) {
    const clientMsgId = `c${index}-${next}`;
    const answer = await socket.timeout(1500 * SLOWNESS)
      .emitWithAck("sendMessage", { chatId: chat._id, content: clientMsgId, clientMsgId })
      .catch(() => null);
    if (answer === null) break;
    if (answer.ok) acked.add(clientMsgId);
  }
  socket.disconnect();
}

async function idsIn(server, chat, token) {
  const ids = [];
  for (;;) {
    const page = await call(server, "GET", `/api/messages/${chat._id}?after=${ids.length}&limit=1000`, { token });
    assert.equal(page.status, 200, page.text);
    page.json.forEach((message, i) => assert.equal(message.sequence, ids.length + i + 1, "dense"));
    if (page.json.length === 0) return ids;
    ids.push(...page.json.map((message) => message.clientMsgId));
  }
}

// One cut of a server under load, which goes on from what is left. What was acknowledged and is gone.
async function cut(disk, server, users, chat, acked, number) {
  const load = users.map((user, i) => sendUntilGone(server, user, chat, `${number}-${i}`, acked));
  // At any moment of a load: nothing is proved by waiting.
  await sleep((500 + Math.random() * 1500) * Math.min(SLOWNESS, 2));
  server.child.kill("SIGSTOP");
  // What was acknowledged by now was synced before this moment. The wait lets answers that are on
  // their way arrive, which makes `acked` longer, hence the test harder; one that comes later counts for nothing.
  await sleep(50);
  const known = new Set(acked);
  const image = disk.clone(number);
  const digest = () => sh("sh", "-c", `cat ${disk.data}/data/maru.db* | sha256sum`);
  const written = digest();
  await server.kill();
  await Promise.all(load);
  disk.goOnFrom(image);
  const lacked = digest() !== written;
  const checked = await server.check();
  if (checked.code !== 0) return { damage: checked.stdout + checked.stderr, lacked, lost: [] };
  await server.start();
  const stored = await idsIn(server, chat, users[0].token);
  const there = new Set(stored);
  assert.equal(there.size, stored.length, "once");
  // What was acknowledged after the clone was taken went with it.
  acked.clear();
  stored.forEach((id) => acked.add(id));
  return { damage: null, lacked, lost: [...known].filter((id) => !there.has(id)) };
}

async function onDisk(body) {
  const disk = new Disk();
  const server = new Server({ args: ["--rate-limits", "off"], dataDir: disk.data });
  try {
    await server.start();
    const users = await Promise.all(Array.from({ length: CLIENTS }, () => login(server)));
    const chat = await createGroup(server, users[0], users);
    await body((acked, number) => cut(disk, server, users, chat, acked, number), server);
  } finally {
    if (server.child && server.alive()) await server.kill();
    disk.dispose();
  }
}

const reason = whyNot();
if (reason) console.error(`F2 NOT RUN: ${reason}`);
const options = { skip: reason ?? false, timeout: (60_000 + CUTS * 30_000) * SLOWNESS };

test(`power cuts, ${CUTS} times`, options, async () => {
  await onDisk(async (cutOnce) => {
    const acked = new Set();
    let lackedSomething = 0;
    for (let number = 1; number <= CUTS; ++number) {
      const { damage, lacked, lost } = await cutOnce(acked, number);
      assert.equal(damage, null, `cut ${number}`);
      assert.deepEqual(lost, [], `acknowledged, and lost by cut ${number}`);
      if (lacked) ++lackedSomething;
    }
    assert.ok(lackedSomething > 0, "no cut took anything away");
    console.log(`F2: ${CUTS} power cuts, ${acked.size} messages, 0 acked lost; ${lackedSomething} took unsynced data away`);
  });
});

// The same test must find what it looks for: syncs that only say that they were done.
const noStrace = spawnSync("strace", ["-V"]).status === 0 ? null : "strace is missing";
if (!reason && noStrace) console.error(`F2's negative control NOT RUN: ${noStrace}`);
test("a disk that lies loses acknowledged messages", { ...options, skip: reason ?? noStrace ?? false }, async () => {
  await onDisk(async (cutOnce, server) => {
    const acked = new Set();
    const TRIES = 5;
    for (let number = 1; number <= TRIES; ++number) {
      const liar = spawn("strace", ["-f", "-p", String(server.child.pid), "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
        "-e", "inject=fsync,fdatasync:retval=0"], { stdio: ["ignore", "ignore", "pipe"] });
      const gone = new Promise((resolve) => liar.once("exit", resolve));
      await new Promise((resolve, reject) => {
        liar.stderr.on("data", (chunk) => String(chunk).includes("attached") && resolve());
        gone.then(() => reject(new Error("strace ended")));
      });
      const { damage, lost } = await cutOnce(acked, number);
      await gone;
      if (damage || lost.length > 0) {
        console.log(`F2 control: cut ${number} without syncs ${damage ? "damaged the store" : `lost ${lost.length} acked`}`);
        return;
      }
    }
    assert.fail(`${TRIES} cuts without syncs lost nothing`);
  });
});
