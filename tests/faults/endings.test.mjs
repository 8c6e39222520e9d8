// A guest in many groups ends, and the server is killed while it leaves them one by one. After the
// next start it is in none of them, each leave is one record, and `maru check` agrees before and
// after. MARU_ENDING_KILLS kills (CI: 3; 20 by hand), of guests in MARU_ENDING_GROUPS groups.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS, Server } from "../support/server.mjs";
import { call, createGroup, login, uniqueName, until } from "../support/api.mjs";

const KILLS = Number(process.env.MARU_ENDING_KILLS ?? 3);
const GROUPS = Number(process.env.MARU_ENDING_GROUPS ?? 1000);
const SEED = Number(process.env.MARU_SEED ?? Math.floor(Math.random() * 2 ** 31));

function randomOf(seed) { // mulberry32
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// So many at once.
async function mapSome(items, size, body) {
  const out = [];
  for (let at = 0; at < items.length; at += size) {
    out.push(...(await Promise.all(items.slice(at, at + size).map(body))));
  }
  return out;
}

// Somebody who stays, whom the guest's end does not concern.
async function register(server) {
  const body = { userName: uniqueName("owner"), password: "a long password 1" };
  const { json } = await call(server, "POST", "/api/users/register", { body });
  return { id: json._id, userName: json.userName, token: json.token };
}

class Story {
  constructor(server, owner) {
    Object.assign(this, { server, owner });
  }
  async prepare() {
    this.guest = await login(this.server);
    const makers = Array.from({ length: GROUPS }, (_, i) => (i % 2 ? this.owner : this.guest));
    this.groups = await mapSome(makers, 50, (maker) => createGroup(this.server, maker, [this.guest, this.owner]));
  }
  async logout() {
    const answer = await call(this.server, "POST", "/api/users/logout", { token: this.guest.token, body: {} });
    assert.equal(answer.status, 200, answer.text);
  }
  recordsOf(group) {
    return call(this.server, "GET", `/api/messages/${group._id}?limit=10`, { token: this.owner.token });
  }
  // Of the guest; there are no others.
  async leavesOf(group) {
    const page = await this.recordsOf(group);
    assert.equal(page.status, 200, page.text);
    const leaves = page.json.filter((message) => message.system?.event === "leave");
    assert.ok(leaves.every((message) => message.system.userId === this.guest.id), page.text);
    return leaves;
  }
  leaves() {
    return mapSome(this.groups, 50, (group) => this.leavesOf(group));
  }
  // How many of them were before that moment.
  async expectWhole(moment) {
    for (const members of await this.membersOfAll()) assert.deepEqual(members, [this.owner.id]);
    const leaves = await this.leaves();
    assert.deepEqual(leaves.map((some) => some.length), this.groups.map(() => 1));
    return leaves.flat().filter((message) => Date.parse(message.createdAt) <= moment).length;
  }
  membersOfAll() {
    return mapSome(this.groups, 50, async (group) => {
      const answer = await call(this.server, "GET", `/api/chats/${group.number}`, { token: this.owner.token });
      assert.equal(answer.status, 200, answer.text);
      return answer.json.users.map((user) => user.id ?? user._id ?? user);
    });
  }
}

async function expectClean(server, when) {
  const checked = await server.check();
  assert.equal(checked.code, 0, `check ${when}: ${checked.stdout}${checked.stderr}`);
}

test(`a guest in ${GROUPS} groups ends under kill -9, ${KILLS} times`, {
  timeout: (60_000 + KILLS * 60_000) * SLOWNESS,
}, async () => {
  console.log(`seed ${SEED}`);
  const random = randomOf(SEED);
  const server = new Server({ args: ["--rate-limits", "off"] });
  await server.start();
  const leftAtKill = [];
  try {
    for (let kill = 0; kill < KILLS; ++kill) {
      const story = new Story(server, await register(server));
      await story.prepare();
      const ended = story.logout();
      ended.catch(() => {}); // it may be killed before it answers
      // From before the first leave to after the last.
      await sleep(random() * 40 * SLOWNESS);
      const killedAt = Date.now();
      await server.kill();
      const hasEnded = await ended.then(() => true, () => false);
      await expectClean(server, `after kill ${kill}`);
      await server.start();
      if (!hasEnded) await story.logout().catch(() => {}); // it may have come through all the same
      await until(async () => (await story.leaves()).every((some) => some.length > 0), "the last leave", 60_000);
      leftAtKill.push(await story.expectWhole(killedAt));
    }
    await server.stop();
    await expectClean(server, "at the end");
    console.log(`left before the kill: ${leftAtKill.join(", ")} of ${GROUPS}`);
  } finally {
    await server.dispose();
  }
});
