// Holds answers against the server's own OpenAPI document: the operation must be described, its
// status too, the headers and the body must be of the form that is written there.
import Ajv2020 from "ajv/dist/2020.js";

export const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

const isTime = (text) => !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text;

function pointerOf(...names) {
  return names.map((name) => "/" + encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))).join("");
}

export class Contract {
  constructor(document) {
    this.document = document;
    this.ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: false,
      allowUnionTypes: true, formats: { "date-time": isTime } });
    this.ajv.addVocabulary(Object.keys(document)); // strict about all else
    this.ajv.addSchema(document, "document");
    this.validators = new Map();
    this.seen = new Map(); // "operationId status" → how often
    this.paths = [];
    for (const [template, item] of Object.entries(document.paths)) {
      this.#add(template, template, item);
      const aliased = METHODS.filter((m) => item[m]?.["x-also-without-api"]);
      if (aliased.length > 0) {
        this.#add(template.replace(/^\/api/, ""), template,
          Object.fromEntries(aliased.map((method) => [method, item[method]])));
      }
    }
  }

  #add(path, template, item) {
    const parts = path.split("/").slice(1);
    this.paths.push({
      template, item,
      literals: parts.filter((part) => !part.startsWith("{")).length,
      matches: (segments) => segments.length === parts.length &&
        parts.every((part, i) => (part.startsWith("{") ? segments[i] !== "" : part === segments[i])),
    });
  }

  operations() {
    return this.paths.flatMap(({ template, item }) => METHODS.filter((m) => item[m])
      .map((method) => ({ method, template, operation: item[method] })));
  }

  // The most literal template wins, for every method.
  find(pathname) {
    let segments;
    try {
      segments = pathname.split("/").slice(1).map(decodeURIComponent);
    } catch {
      return undefined;
    }
    return this.paths.filter((path) => path.matches(segments)).sort((a, b) => b.literals - a.literals)[0];
  }

  #validator(pointer) {
    let validate = this.validators.get(pointer);
    if (!validate) {
      validate = this.ajv.compile({ $ref: `document#${pointer}` });
      this.validators.set(pointer, validate);
    }
    return validate;
  }

  #mustFit(pointer, value, what) {
    const validate = this.#validator(pointer);
    if (validate(value)) return;
    throw new Error(`${what} is not as documented: ${this.ajv.errorsText(validate.errors)}\n` +
      JSON.stringify(value)?.slice(0, 2000));
  }

  // What holds for every path (info.description): OPTIONS, no such path or method, a foreign Origin.
  #general(found, method, answer) {
    if (method === "options" && answer.status === 204) return answer.text === "";
    const expected = new Map([[403, "forbidden"]]);
    if (method === "options") expected.set(413, "payload_too_large");
    else if (found) expected.set(405, "method_not_allowed");
    else expected.set(404, "not_found");
    if (!expected.has(answer.status)) return false;
    if (answer.status === 405 && !answer.headers.get("allow")) return false;
    if (method === "head") return true;
    this.#mustFit("/components/schemas/Problem", answer.json, "the problem");
    return answer.json.code === expected.get(answer.status);
  }

  // answer: {status, headers, text, json} of `method pathname`. Throws where it is not as documented.
  check(method, pathname, answer) {
    const verb = method.toLowerCase();
    const found = this.find(pathname);
    const wanted = verb === "head" ? "get" : verb;
    const operation = found?.item[wanted];
    const what = `${method} ${pathname} → ${answer.status}`;
    if (!operation) {
      if (this.#general(found, verb, answer)) return;
      throw new Error(`${what}: not in the OpenAPI document\n${answer.text}`);
    }
    const listed = operation.responses[answer.status];
    if (!listed) throw new Error(`${what}: this status is not documented for ${operation.operationId}\n${answer.text}`);
    const key = `${operation.operationId} ${answer.status}`;
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
    const pointer = listed.$ref ? listed.$ref.slice(1)
      : pointerOf("paths", found.template, wanted, "responses", String(answer.status));
    const response = listed.$ref ? listed.$ref.slice(2).split("/").reduce((at, name) => at[name], this.document) : listed;
    this.#checkHeaders(response, answer, what);
    if (verb !== "head") this.#checkBody(response, pointer, answer, what);
  }

  #checkHeaders(response, answer, what) {
    for (const [name, listed] of Object.entries(response.headers ?? {})) {
      const pointer = listed.$ref.slice(1);
      const header = pointer.slice(1).split("/").reduce((at, part) => at[part], this.document);
      const value = answer.headers.get(name);
      if (value === null) {
        if (header.required) throw new Error(`${what}: the header ${name} is missing`);
        continue;
      }
      this.#mustFit(`${pointer}/schema`, value, `${what}: the header ${name}`);
    }
  }

  #checkBody(response, pointer, answer, what) {
    const type = (answer.headers.get("content-type") ?? "").split(";")[0];
    if (!response.content) {
      if (answer.text !== "" || type !== "") throw new Error(`${what}: a body (${type}) where none is documented`);
      return;
    }
    if (!response.content[type]) throw new Error(`${what}: the type ${type} is not documented`);
    const value = /[/+]json$/.test(type) ? answer.json : answer.text;
    if (value === undefined) throw new Error(`${what}: no JSON\n${answer.text.slice(0, 200)}`);
    this.#mustFit(`${pointer}${pointerOf("content", type)}/schema`, value, what);
  }
}

const contracts = new Map(); // by URL and start, for a test may bring its own document

// Of the document that this very server serves.
export function contractOf(server) {
  const key = `${server.url} ${server.startedAt}`;
  if (!contracts.has(key)) {
    contracts.set(key, fetch(`${server.url}/api/openapi.json`).then(async (answer) => {
      if (answer.status !== 200) throw new Error(`/api/openapi.json: ${answer.status}`);
      return new Contract(await answer.json());
    }).catch((error) => {
      contracts.delete(key);
      throw error;
    }));
  }
  return contracts.get(key);
}
