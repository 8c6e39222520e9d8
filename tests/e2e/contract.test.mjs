// B6: requests made from the OpenAPI document itself, good ones and every kind of bad one, in both
// modes. No 5xx, and every answer as documented: call() holds each against the document. The seed is
// printed; MARU_SEED repeats a run, MARU_CONTRACT_REQUESTS makes it longer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer } from "../support/server.mjs";
import { call, createGroup, createPersonal, login, uniqueName } from "../support/api.mjs";
import { Contract, contractOf } from "../support/contract.mjs";

const SEED = Number(process.env.MARU_SEED ?? Math.floor(Math.random() * 2 ** 31));
const REQUESTS = Number(process.env.MARU_CONTRACT_REQUESTS ?? 1500); // of each mode
const UNKNOWN = "0123456789abcdef01234567";

function randomOf(seed) { // mulberry32
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BAD_VALUES = [
  null, true, 0, -1, 1.5, 1e308, "", " ", "x", "x".repeat(31), "가".repeat(101), "x".repeat(1001), "x".repeat(17_000),
  "\u0000", "\ud800", "\u202e", "a\nb", "system", "__proto__", "'; drop table users; --", { $ne: null }, { $gt: "" }, [],
  ["x"], [null], [[["x"]]], { toString: "x" }, Array(101).fill(UNKNOWN), UNKNOWN, UNKNOWN.toUpperCase(),
];
const BAD_PARTS = ["abc", "%00", "%ff", "..%2f..", "0", "-1", "1e3", "9".repeat(65), "x".repeat(300), "💥", UNKNOWN,
  `${UNKNOWN}0`, UNKNOWN.toUpperCase(), "g".repeat(24), "me", "%7B%7D", "*", "true"];
const BAD_BODIES = ["", "null", "[]", "7", '"x"', "{", "{}", '{"a":1,"a":2}', "[".repeat(500), "\ufeff{}",
  '{"userName":"\\ud800"}', `{"x":${JSON.stringify("x".repeat(70_000))}}`, "userName=x", "\u0000"];
const BAD_TYPES = ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""];

class World {
  constructor(server, mode, random) {
    Object.assign(this, { server, mode, random });
  }
  async fill() {
    [this.owner, this.member, this.outsider] = await Promise.all([1, 2, 3].map(() => login(this.server)));
    const password = "a long password 1";
    const answer = await call(this.server, "POST", "/api/users/register", { body: { userName: uniqueName(), password } });
    this.account = { id: answer.json._id, userName: answer.json.userName, token: answer.json.token, password };
    this.group = await createGroup(this.server, this.owner, [this.owner, this.member]);
    this.left = await createGroup(this.server, this.owner, [this.member]); // the one that is left, by whomever
    this.personal = await createPersonal(this.server, this.owner, this.member);
    for (const chat of [this.group, this.personal]) {
      await call(this.server, "POST", `/api/messages/${chat._id}`, { token: this.owner.token, body: { content: "hi" } });
    }
    return this;
  }
  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }
  chance(share) {
    return this.random() < share;
  }
}

// What a caller who means well sends, by name. `user` asks.
const good = {
  userName: () => uniqueName(), password: () => "a long password 2", currentPassword: (w, user) => user.password ?? null,
  chatName: () => "방", isPersonal: () => false, owner: (w, user) => user.id, users: (w) => [w.outsider.id],
  content: () => "안녕", clientMsgId: () => uniqueName("id"), from: (w, user) => user.id, userId: (w, user) => user.id,
};
const goodParts = {
  userId: (w, user) => user.id, chat: (w) => w.group._id, number: (w) => String(w.group.number),
  id: (w, user) => user.other, query: () => "x", limit: () => "5", page: () => "1", cursor: () => "",
  before: () => "2", after: () => "0", around: () => "1", "Idempotency-Key": () => uniqueName("key"),
};
// The document says that only one of these may be given.
const EXCLUSIVE = ["before", "after", "around"];

// Who asks may be logged out by it, so these calls get somebody new.
const ENDING = ["logout", "changePassword", "revokeSession"];

async function callerOf(w, operationId, isGood) {
  if (ENDING.includes(operationId)) {
    const user = await login(w.server);
    if (operationId !== "revokeSession") return user;
    const set = await call(w.server, "PATCH", "/api/users/me", { token: user.token, body: { password: "a long password 3" } });
    assert.equal(set.status, 200, set.text);
    const second = await call(w.server, "POST", "/api/users/login", {
      body: { userName: user.userName, password: "a long password 3" },
    });
    const list = await call(w.server, "GET", "/api/users/me/sessions", { token: user.token });
    user.other = list.json.sessions.find((s) => !s.current).id;
    assert.equal(second.status, 200, second.text);
    return user;
  }
  return isGood ? w.owner : w.pick([w.owner, w.member, w.outsider, w.account]);
}

function tokenOf(w, operationId, user, isGood) {
  if (["login", "register"].includes(operationId)) return undefined;
  if (isGood) return user.token;
  const other = ENDING.includes(operationId) ? user : w.outsider;
  return w.pick([user.token, user.token, other.token, undefined, "x", "A".repeat(43), `${user.token}x`]);
}

function pathOf(w, template, operation, user, isGood) {
  let path = template;
  const query = new URLSearchParams();
  const parameters = operation.parameters ?? [];
  const exclusive = w.pick(EXCLUSIVE);
  for (const { name, in: place, required } of parameters) {
    const fits = operation.operationId === "leaveChat" && name === "chat" ? w.left._id : goodParts[name](w, user);
    const value = isGood || w.chance(0.5) ? fits : w.pick([...BAD_PARTS, w.personal._id, w.member.id]);
    if (place === "path") path = path.replace(`{${name}}`, encodeURI(value ?? UNKNOWN));
    if (place !== "query" || (EXCLUSIVE.includes(name) && isGood && name !== exclusive)) continue;
    if (required || w.chance(0.6)) query.append(name, value);
    if (!isGood && w.chance(0.1)) query.append(name, w.pick(BAD_PARTS));
  }
  if (!isGood && operation["x-also-without-api"] && w.chance(0.4)) path = path.replace(/^\/api/, "");
  if (!isGood && w.chance(0.03)) path += w.pick(["/", "/x", "%2f", "//", "?".repeat(3)]);
  const text = query.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

function bodyOf(w, operation, user, isGood) {
  const schema = operation.requestBody?.content["application/json"].schema;
  if (!schema) return !isGood && w.chance(0.1) ? w.pick(BAD_BODIES) : undefined;
  if (!isGood && w.chance(0.2)) return w.pick(BAD_BODIES);
  const body = {};
  for (const name of Object.keys(schema.properties)) {
    const isRequired = schema.required?.includes(name);
    // A guest who logs in gives no password.
    if (isGood && operation.operationId === "login" && name === "password") continue;
    if (isGood ? !isRequired && w.chance(0.2) && name !== "chatName" && name !== "currentPassword" : w.chance(0.15)) continue;
    const fits = operation.operationId === "logout" ? user.userName : good[name](w, user);
    body[name] = isGood || w.chance(0.5) ? fits : w.pick(BAD_VALUES);
  }
  if (!isGood && w.chance(0.2)) body[w.pick(["$where", "a.b", "__proto__", "x"])] = w.pick(BAD_VALUES);
  return body;
}

function headersOf(w, operation, isGood) {
  const headers = {};
  const hasKey = operation.parameters?.some(({ name }) => name === "Idempotency-Key");
  if (hasKey && w.chance(0.3)) {
    headers["idempotency-key"] = isGood ? good.clientMsgId() : w.pick(["a b", "x".repeat(65), "k", '"k"', ""]);
  }
  if (isGood) return headers;
  if (w.chance(0.05)) headers["content-type"] = w.pick(BAD_TYPES);
  if (w.chance(0.03)) headers["content-encoding"] = w.pick(["gzip", "identity"]);
  if (w.chance(0.05)) headers.origin = w.pick(["https://evil.example", "null", w.server.url]);
  if (w.chance(0.05)) headers["x-forwarded-for"] = "203.0.113.9";
  return headers;
}

async function ask(w, { method, template, operation }, isGood) {
  const user = await callerOf(w, operation.operationId, isGood);
  const path = pathOf(w, template, operation, user, isGood);
  const verb = !isGood && w.chance(0.03) ? w.pick(["DELETE", "PUT", "PATCH", "POST", "GET", "HEAD", "OPTIONS"]) : method.toUpperCase();
  const mayHaveBody = !["GET", "HEAD"].includes(verb); // fetch() sends none with these
  let body = mayHaveBody ? bodyOf(w, operation, user, isGood) : undefined;
  // Node.js 18 cannot send an empty one with these.
  if (body === "" && ["DELETE", "OPTIONS"].includes(verb)) body = undefined;
  const token = tokenOf(w, operation.operationId, user, isGood);
  const request = { body, token, headers: headersOf(w, operation, isGood) };
  const shown = `seed ${SEED}, ${w.mode}: ${verb} ${path.slice(0, 200)} ${JSON.stringify(request)?.slice(0, 600)}`;
  let answer;
  try {
    answer = await call(w.server, verb, path, request);
  } catch (error) {
    error.message = `${shown}\n${error.message} ${error.cause ?? ""}`;
    throw error;
  }
  assert.ok(answer.status < 500, `${shown}\n${answer.status} ${answer.text}`);
  if (isGood) assert.ok(answer.status < 300, `${shown}\n${answer.status} ${answer.text}`);
  // A 1:1 is there for its two members only (F3).
  if (w.mode === "accounts" && path.split("?")[0].includes(w.personal._id) && token !== w.owner.token && token !== w.member.token) {
    assert.ok(answer.status >= 400, `${shown}\n${answer.status} ${answer.text}`);
  }
  return answer;
}

for (const mode of ["accounts", "open"]) {
  test(`${REQUESTS} requests from the document, --auth ${mode}, seed ${SEED}`, { timeout: 250_000 }, async () => {
    const server = await startServer({ args: ["--rate-limits", "off", "--auth", mode] });
    try {
      const w = await new World(server, mode, randomOf(SEED)).fill();
      const contract = await contractOf(server);
      const operations = contract.operations().filter(({ template }, i, all) =>
        all.findIndex((o) => o.template === template && o.method === all[i].method) === i);
      const statuses = {};
      let asked = 0;
      // Passwords are hashed at low priority: on a busy machine these calls are the slow ones.
      const isRare = ({ operation }) => ["register", "changePassword", "revokeSession"].includes(operation.operationId);
      for (let i = 0; i < REQUESTS; ++i) {
        const operation = operations[i % operations.length];
        if (i >= operations.length && isRare(operation) && !w.chance(0.15)) continue;
        const answer = await ask(w, operation, i < operations.length || w.chance(0.15));
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        asked += 1;
      }
      for (const { operation } of operations) {
        const seen = Object.keys(operation.responses).filter((status) => contract.seen.has(`${operation.operationId} ${status}`));
        assert.ok(seen.some((status) => status < 300), `${operation.operationId} never succeeded`);
      }
      console.log(`contract, ${mode}: seed ${SEED}, ${asked} requests of ${operations.length} operations, ` +
        `${contract.seen.size} documented answers seen, by status ${JSON.stringify(statuses)}`);
      assert.ok(server.alive());
    } finally {
      await server.dispose();
    }
  });
}

test("the check bites", async () => {
  const server = await startServer();
  try {
    const document = (await contractOf(server)).document;
    const user = await login(server);
    const me = await call(server, "GET", "/api/users/me", { token: user.token });
    const none = await call(server, "GET", "/api/users/me");
    const contract = new Contract(document);
    const check = (answer, method = "GET", path = "/api/users/me") => contract.check(method, path, answer);
    const changed = (change) => {
      const json = structuredClone(me.json);
      change(json);
      return { ...me, json, text: JSON.stringify(json) };
    };
    const without = (name) => {
      const headers = new Headers(me.headers);
      headers.delete(name);
      return { ...me, headers };
    };
    check(me);
    check(none);
    for (const [what, bad] of Object.entries({
      "another status": () => check({ ...me, status: 201 }),
      "a 404 that is not documented": () => check({ ...none, status: 404 }),
      "a field more": () => check(changed((json) => (json.more = 1))),
      "a field less": () => check(changed((json) => delete json.lastSeenAt)),
      "another type": () => check(changed((json) => (json.active = "yes"))),
      "no such time": () => check(changed((json) => (json.createdAt = "2026-02-31T00:00:00.000Z"))),
      "no request id": () => check(without("x-request-id")),
      "no challenge": () => check({ ...none, headers: new Headers({ ...Object.fromEntries(none.headers), "www-authenticate": "Basic" }) }),
      "another content type": () => check({ ...me, headers: new Headers({ ...Object.fromEntries(me.headers), "content-type": "text/html" }) }),
      "no JSON": () => check({ ...me, json: undefined }),
      "a path that is not described": () => check(me, "GET", "/api/secret"),
      "a method that is not described": () => check(me, "DELETE"),
      "an alias that is not served": () => check(me, "GET", "/users/me"),
      "a body with 204": () => check({ ...me, status: 204 }, "DELETE", `/api/users/me/sessions/${UNKNOWN}`),
      "the code of another status": () => check({ ...none, json: { ...none.json, code: "forbidden" } }),
    })) {
      assert.throws(bad, undefined, what);
    }
  } finally {
    await server.dispose();
  }
});
