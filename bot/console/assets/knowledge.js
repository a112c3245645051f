// The panel of what the bot knows: incidents, findings, causes with their evidence, approvals, audit.

import { h } from "./dom.js";
import { store } from "./store.js";

const AFTER_A_CHANGE = 400;
const byId = (id) => document.getElementById(id);
let shown = false;
let asking = null;

export function watchKnowledge() {
  byId("knowledge-open").addEventListener("click", () => show(!shown));
  byId("knowledge-close").addEventListener("click", () => {
    show(false);
    byId("knowledge-open").focus();
  });
}

function show(on) {
  shown = on;
  byId("knowledge").hidden = !on;
  byId("knowledge-open").setAttribute("aria-expanded", String(on));
  if (on) ask(0);
}

// Whatever moves in the chat may have moved in the bot.
export function drawKnowledge() {
  byId("knowledge-open").hidden = !store.state?.knows;
  if (shown) ask(AFTER_A_CHANGE);
}

function ask(wait) {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    try {
      const response = await fetch("/page/knowledge");
      if (response.ok) draw(await response.json());
    } catch {
      // The connection's own words say that the console is away.
    }
  }, wait);
}

function draw(knowledge) {
  const nodes = knowledge.incidents.map(incident);
  if (!nodes.length) nodes.push(h("p", { class: "empty" }, "No incident yet."));
  if (knowledge.audit_head) nodes.push(h("p", { class: "quiet" }, "Head of the audit: ", h("code", {}, knowledge.audit_head)));
  byId("known").replaceChildren(...nodes);
}

function incident(one) {
  const state = `${one.severity} · ${one.state} · ${one.firing} firing · revision ${one.revision}`;
  return h("article", { class: "incident" },
    h("h3", {}, `#${one.id} ${one.title}`),
    h("p", { class: "quiet" }, state, one.runbook ? ` · runbook ${one.runbook}` : ""),
    part("Causes", one.causes.map(cause)),
    part("Findings", one.findings.map(finding)),
    part("Approvals", one.approvals.map((found) => h("li", {}, mark(found.state), ` ${found.plan} `, h("code", {}, found.digest)))),
    part("Audit", one.audit.map((entry) => h("li", {}, h("code", {}, entry.number), ` ${entry.kind.replaceAll("_", " ")}, ${entry.by}`))));
}

function part(title, items) {
  return items.length > 0 && [h("h4", {}, title), h("ul", {}, items)];
}

function finding(one) {
  return h("li", {}, mark(one.verdict), " ", h("code", {}, one.check), ` ${one.summary}`);
}

function cause(one) {
  const evidence = one.evidence.map((found) => h("li", { class: found.judgement },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[found.judgement]),
    h("span", { class: "sr" }, `${found.judgement.replaceAll("_", " ")}: `), `${found.words || "not judged"} (${found.weight})`));
  return h("li", {}, mark(one.likelihood), ` ${one.title} `, h("span", { class: "quiet" }, `${Math.round(one.score * 100)} %`), h("ul", {}, evidence));
}

const SIGNS = { for: "+", against: "−", cannot_judge: "?" };
const mark = (word) => h("span", { class: `mark-${word.replaceAll(" ", "-")} word` }, word);
