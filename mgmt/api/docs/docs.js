// Shows openapi.json. Texts of the description become text nodes, never markup.
"use strict";

const methods = ["get", "put", "post", "patch", "delete"];

// node makes an element with attributes and children.
function node(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

// resolve follows a reference into the components.
function resolve(api, schema) {
  for (let i = 0; schema && schema.$ref && i < 16; i++) schema = api.components.schemas[schema.$ref.split("/").pop()];
  return schema || {};
}

// kind is the type of a schema in a few words.
function kind(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "any";
  if (type.startsWith("array")) return "list of " + kind(api, schema.items);
  return schema.format ? `${type} (${schema.format})` : type;
}

// bounds are what a value must keep to.
function bounds(schema) {
  const all = [];
  const say = (key, text) => { if (schema[key] !== undefined) all.push(text + " " + JSON.stringify(schema[key])); };
  say("enum", "one of"); say("minimum", "at least"); say("maximum", "at most"); say("minLength", "shortest"); say("maxLength", "longest");
  say("minItems", "fewest"); say("maxItems", "most"); say("pattern", "as"); say("default", "usually");
  return all.join("; ");
}

// table has a caption, heads and rows of cells.
function table(caption, heads, rows) {
  if (rows.length === 0) return null;
  return node("table", {}, node("caption", {}, caption), node("thead", {}, node("tr", {}, ...heads.map((h) => node("th", { scope: "col" }, h)))),
    node("tbody", {}, ...rows.map((row) => node("tr", {}, ...row.map((cell) => node("td", {}, cell))))));
}

// members are the rows of an object's properties, those of inner objects below theirs.
function members(api, schema, prefix, depth) {
  const object = resolve(api, schema);
  let rows = [];
  for (const [name, raw] of Object.entries(object.properties || {})) {
    const inner = resolve(api, raw);
    const required = (object.required || []).includes(name) ? " (required)" : "";
    rows.push([node("code", {}, prefix + name), kind(api, raw) + required, [raw.description || inner.description, bounds(inner)].filter(Boolean).join(" — ")]);
    const of = inner.type === "array" || (Array.isArray(inner.type) && inner.type.includes("array")) ? inner.items : raw;
    if (depth < 4 && resolve(api, of).properties) rows = rows.concat(members(api, of, prefix + name + (of === raw ? "." : "[]."), depth + 1));
  }
  return rows;
}

// body shows the content of a request or of an answer.
function body(api, caption, content) {
  return Object.entries(content || {}).map(([media, { schema }]) =>
    table(`${caption}: ${media}, ${kind(api, schema)}`, ["Member", "Type", "Meaning"], members(api, schema, "", 0)) || node("p", {}, `${caption}: ${media}`));
}

// curl is a command that does it.
function curl(method, path, operation) {
  const parts = ["curl -H \"Authorization: Bearer $TOKEN\""];
  if (method !== "get") parts.push("-X " + method.toUpperCase());
  if ((operation.parameters || []).some((p) => p.name === "If-Match")) parts.push("-H 'If-Match: \"17\"'");
  if (operation.requestBody) parts.push("--json @body.json");
  return parts.concat(`"https://$APPLIANCE:8443${path}"`).join(" ");
}

function show(api, path, method, operation) {
  const open = (operation.security || []).some((s) => Object.keys(s).length === 0);
  const inner = node("div", {});
  const details = node("details", { id: operation.operationId },
    node("summary", {}, node("span", { class: "method " + method.toUpperCase() }, method.toUpperCase()), " ", node("code", {}, path), " ", node("span", { class: "what" }, operation.summary)), inner);
  details.dataset.text = [operation.operationId, method, path, operation.summary, operation["x-permission"], ...operation.tags].join(" ").toLowerCase();
  const fill = () => {
    if (inner.childNodes.length > 0) return;
    for (const text of (operation.description || "").split("\n\n")) if (text) inner.append(node("p", {}, text));
    inner.append(node("p", {}, open ? "Needs nobody to be signed in." : "Permission: ", open ? "" : node("code", {}, operation["x-permission"])), node("pre", {}, curl(method, path, operation)));
    const parameters = table("Parameters", ["Name", "In", "Type", "Meaning"], (operation.parameters || []).map((p) =>
      [node("code", {}, p.name), p.in + (p.required ? " (required)" : ""), kind(api, p.schema), [p.description, bounds(resolve(api, p.schema))].filter(Boolean).join(" — ")]));
    if (parameters) inner.append(parameters);
    if (operation.requestBody) inner.append(...body(api, "Body", operation.requestBody.content));
    const refused = [];
    for (const [status, response] of Object.entries(operation.responses)) {
      if (Number(status) < 400) inner.append(node("p", {}, `Answer ${status}: ${response.description}`), ...body(api, "Answer", response.content));
      else for (const code of response["x-codes"] || []) refused.push([status, node("a", { href: "#problem-" + code }, code)]);
    }
    const problems = table("What may go wrong", ["Status", "Code"], refused);
    if (problems) inner.append(problems);
  };
  details.addEventListener("toggle", fill, { once: true });
  return details;
}

function render(api) {
  const nouns = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const method of methods) if (item[method]) {
      const noun = item[method].tags[0];
      if (!nouns.has(noun)) nouns.set(noun, []);
      nouns.get(noun).push(show(api, path, method, item[method]));
    }
  const list = document.getElementById("nouns"), operations = document.getElementById("operations");
  for (const noun of [...nouns.keys()].sort()) {
    list.append(node("li", {}, node("a", { href: "#noun-" + noun }, noun)));
    operations.append(node("section", { id: "noun-" + noun, "aria-label": noun }, node("h2", {}, noun), ...nouns.get(noun)));
  }
  list.append(node("li", {}, node("a", { href: "#problems" }, "problems")));
  for (const p of api["x-problems"] || [])
    document.getElementById("codes").append(node("tr", { id: "problem-" + p.code }, node("td", {}, node("code", {}, p.code)), node("td", {}, String(p.status)), node("td", {}, p.title), node("td", {}, p.advice)));
  document.getElementById("problems").hidden = false;
}

// narrow shows only what has all the words.
function narrow() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("#operations > section")) {
    let some = false;
    for (const details of section.querySelectorAll("details")) {
      details.hidden = !words.every((w) => details.dataset.text.includes(w));
      if (!details.hidden) { some = true; shown++; }
    }
    section.hidden = !some;
  }
  document.getElementById("count").textContent = `${shown} operations`;
}

// follow opens what the address points to.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
}

async function main() {
  const state = document.getElementById("state");
  try {
    const answer = await fetch("/api/v1/openapi.json", { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    render(await answer.json());
    state.hidden = true;
    document.getElementById("filter").addEventListener("input", narrow);
    document.querySelector("form").addEventListener("submit", (e) => e.preventDefault());
    narrow();
    follow();
    addEventListener("hashchange", follow);
  } catch (error) {
    state.textContent = `The description could not be loaded (${error.message}). Reload the page to try again.`;
  }
}

main();
