
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/** An element. Text goes in as text, so nothing that came off the wire is ever markup. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/* Figures */

const number = new Intl.NumberFormat("en");
const count = (value) => number.format(value);
const counted = (value, what) => `${count(value)} ${what}${value === 1 ? "" : "s"}`;

function bytes(value) {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let unit = -1;
  do { value /= 1000; unit += 1; } while (value >= 999.5 && unit < units.length - 1);
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

const day = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
const dated = (at) => `${day.format(at)}, ${clock.format(at)} UTC`;

function duration(millis) {
  const seconds = millis / 1000;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  if (seconds < 0.1) return `${Math.round(millis)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two((seconds / 60) % 60)} m`;
  return `${count(Math.floor(seconds / 86400))} d ${two((seconds / 3600) % 24)} h`;
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);
const isLeak = (id) => id.startsWith("leak.");
const nameOf = (id) => {
  const known = data.explanations[id];
  return known ? known.title : sentence(id.replace(/^[^.]*\./, "").replaceAll("-", " "));
};

/* Who: the same flows by company and by protocol */

function grouped(key) {
  const groups = new Map();
  for (const talk of data.talks) {
    const name = key(talk);
    const group = groups.get(name) || { name, flows: 0, bytes: [0, 0], leaking: 0, categories: new Set() };
    group.flows += talk.flows;
    group.bytes[0] += talk.bytes[0];
    group.bytes[1] += talk.bytes[1];
    group.leaking += talk.leaking;
    if (talk.category) group.categories.add(talk.category);
    groups.set(name, group);
  }
  const total = (group) => group.bytes[0] + group.bytes[1];
  return [...groups.values()].sort((a, b) => total(b) - total(a) || (a.name < b.name ? -1 : 1));
}

const TRACKING = ["advertising", "analytics", "telemetry"];
const companies = grouped((talk) => talk.owner || talk.name);
const protocols = grouped((talk) => talk.protocol);

function bars(table, caption, what, groups, marked) {
  const shown = groups.filter((group, at) => at < 14 || (marked && group.leaking > 0)).slice(0, 30);
  const most = Math.max(1, ...shown.map((group) => group.bytes[0] + group.bytes[1]));
  const body = el("tbody");
  for (const group of shown) {
    const total = group.bytes[0] + group.bytes[1];
    const sent = el("span");
    sent.style.width = `${(100 * group.bytes[0]) / Math.max(1, total)}%`;
    const bar = el("div", { class: "bar", "aria-hidden": "true" }, sent);
    bar.style.width = `${(100 * total) / most}%`;
    const tags = TRACKING.filter((category) => group.categories.has(category)).map((category) => el("span", { class: "tag info" }, category));
    const gave = marked && group.leaking ? el("span", { class: "tag leak" }, "gave something away") : null;
    body.append(el("tr", {},
      el("th", { scope: "row" }, group.name, " ", ...tags, tags.length ? " " : "", gave),
      el("td", { class: "track" }, bar),
      el("td", { class: "figure", title: `sent ${bytes(group.bytes[0])}, received ${bytes(group.bytes[1])}` }, bytes(total)),
      el("td", { class: "figure quiet optional" }, counted(group.flows, "flow"))));
  }
  const head = el("thead", {}, el("tr", {},
    el("th", { scope: "col" }, what),
    el("th", { scope: "col", class: "quiet" }, el("span", { class: "hidden" }, "share")),
    el("th", { scope: "col", class: "figure" }, "bytes"),
    el("th", { scope: "col", class: "figure optional" }, "flows")));
  const rest = groups.length - shown.length;
  table.append(el("caption", {}, caption, el("span", { class: "quiet" }, rest > 0 ? ` · ${count(rest)} smaller ones left out` : "", " · strong is sent, faint is received")), head, body);
}

/* Findings, one card per kind */

/** Lines of evidence that stand open; the others are one click behind. */
const EVIDENCE = 6;
const ACTIONS = { allow: "allowed", log: "logged", ask: "asked", block: "blocked" };

function findings(target, wanted, none) {
  const kinds = new Map();
  for (const found of data.findings.filter(wanted)) {
    kinds.set(found.id, [...(kinds.get(found.id) || []), found]);
  }
  for (const [id, all] of kinds) target.append(card(id, all));
  if (!kinds.size) target.append(el("p", { class: "card" }, none));
}

function card(id, all) {
  const words = data.explanations[id];
  const times = all.reduce((sum, found) => sum + found.times, 0);
  const severity = all[0].severity;
  const header = el("header", {},
    el("h3", {}, nameOf(id)),
    el("span", { class: `tag ${severity}` }, severity),
    el("span", { class: "quiet" }, times === 1 ? "once" : `${count(times)} times`));
  const several = data.captures.length > 1;
  const line = (found) => {
    const how = found.encoding.length ? ` (${found.encoding.join(", ")})` : "";
    const capture = several && data.captures[found.capture] ? data.captures[found.capture].name.split("/").pop() + " " : "";
    const cell = (label, ...content) => el("td", { "data-label": label, class: label === "Verdict" && found.action === "block" ? "stopped" : null }, ...content);
    return el("tr", {},
      cell("What", isLeak(id) ? el("code", {}, found.shown) : found.shown, found.kind ? el("span", { class: "quiet" }, ` ${found.kind}`) : null),
      cell("To", el("code", {}, found.to)),
      cell("Where", el("code", {}, found.where + how)),
      cell("Packet", `${capture}#${found.packet}`, found.times > 1 ? ` ×${count(found.times)}` : ""),
      cell("Verdict", ACTIONS[found.action]));
  };
  const table = (lines) => el("div", { class: "scroll" }, el("table", { class: "evidence" },
    el("caption", { class: "hidden" }, `Evidence of ${nameOf(id)}`),
    el("thead", {}, el("tr", {}, ...["What", "To", "Where", "Packet", `${data.judge} would have`].map((label) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, ...lines.map(line))));
  const rest = all.slice(EVIDENCE);
  const evidence = [table(all.slice(0, EVIDENCE))];
  if (rest.length) evidence.push(el("details", {}, el("summary", {}, `${count(rest.length)} more like these`), table(rest)));
  const more = words ? el("details", {}, el("summary", {}, "What can be done, and how Weir knows"),
    el("dl", { class: "words" }, el("dt", {}, "What to do"), el("dd", {}, words.advice), el("dt", {}, "How Weir knows"), el("dd", {}, words.method),
      el("dt", {}, "Name"), el("dd", {}, el("code", {}, id)))) : null;
  return el("article", { class: `card finding ${isLeak(id) ? "leak" : ""}`, id: `finding-${id}` }, header, words ? el("p", {}, words.meaning) : null, ...evidence, more);
}

/* When */

function timeline() {
  const { start, width, bytes: bins } = data.timeline;
  if (start === null || !bins.length) {
    byId("timeline").replaceChildren(el("p", {}, "There were no packets."));
    return;
  }
  const chart = byId("chart");
  const svg = (name, attributes) => {
    const element = document.createElementNS(chart.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    chart.append(element);
    return element;
  };
  const most = Math.max(...bins, 1);
  const each = 1000 / bins.length;
  svg("line", { class: "base", x1: 0, x2: 1000, y1: 149, y2: 149 });
  bins.forEach((value, at) => {
    if (!value) return;
    const height = Math.max(1.5, (118 * value) / most);
    const bar = svg("rect", { x: (at * each).toFixed(2), width: Math.max(0.6, each * 0.86).toFixed(2), y: (149 - height).toFixed(2), height: height.toFixed(2) });
    const title = document.createElementNS(chart.namespaceURI, "title");
    title.textContent = `${dated(start + at * width)}: ${bytes(value)}`;
    bar.append(title);
  });
  const marks = new Set(data.findings.filter((found) => isLeak(found.id)).map((found) => Math.floor((found.at - start) / width)));
  for (const at of marks) {
    const x = ((at + 0.43) * each).toFixed(2);
    if (at >= 0 && at <= bins.length) svg("line", { class: "mark", x1: x, x2: x, y1: 2, y2: 20 });
  }
  const end = start + bins.length * width;
  byId("axis").append(el("span", {}, dated(start)), el("span", {}, dated(end)));
  const busiest = bins.indexOf(most);
  const say = `Each bar is ${duration(width)}. Most went by at ${dated(start + busiest * width)}: ${bytes(most)}.` +
    (marks.size ? " Marks on top: something was given away." : "");
  chart.setAttribute("aria-label", `Bytes over time. ${say}`);
  byId("timeline-caption").textContent = say;
}

/* Not seen */

function unseen() {
  const list = byId("unseen");
  const say = (text) => list.append(el("li", {}, text));
  const flows = (value, one, many) => `${counted(value, "flow")} ${value === 1 ? one : many}`;
  const { encrypted, ech, truncated } = data.unseen;
  const quic = data.unseen["quic-undecryptable"];
  if (encrypted) say(flows(encrypted, "is", "are") + " encrypted. Weir knows whom they went to, not what was said in them.");
  if (ech) say(flows(ech, "hides", "hide") + " even the name of the server (Encrypted Client Hello).");
  if (quic) say(flows(quic, "of QUIC does", "of QUIC do") + " not open with the keys of its version. Weir knows the addresses only.");
  if (data.unknown) say(flows(data.unknown, "speaks", "speak") + " no protocol that Weir knows.");
  if (truncated) say(flows(truncated, "has", "have") + " bytes missing: the capture cut them off or lost them. What stood there is unknown.");
  const unparsed = data.unparsed.reduce((sum, [, packets]) => sum + packets, 0);
  if (unparsed) {
    const reasons = [...data.unparsed].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([reason, packets]) => `${reason} (${count(packets)})`);
    say(`${counted(unparsed, "packet")} could not be read: ${reasons.join("; ")}.`);
  }
  const tunnels = Object.entries(data.tunnels).map(([tunnel, value]) => `${tunnel} (${counted(value, "flow")})`);
  if (tunnels.length) say(`Looked into, though they came inside tunnels: ${tunnels.join(", ")}.`);
  if (data.moreFindings) say(`${counted(data.moreFindings, "finding")} more than this page lists.`);
  say("What this page does not mention was not recognised. That does not mean that it was not there.");
}

/* Flows */

const FLOW = ["id", "start", "protocol", "inner", "client", "server", "transport", "hostname", "service", "owner", "sent", "received", "findings", "verdict", "unseen", "confidence"];
const rows = data.flows.map((flow) => Object.fromEntries(FLOW.map((name, at) => [name, flow[at]])));
for (const row of rows) {
  row.who = row.hostname || row.service || "";
  row.found = row.findings.length;
  row.text = [row.protocol, row.inner, row.client, row.server, row.who, row.service, row.owner, ...row.findings, ...row.unseen].join(" ").toLowerCase();
}
const COLUMNS = [
  ["start", "Time", (row) => clock.format(row.start), ""],
  ["protocol", "Protocol", (row) => row.protocol + (row.inner ? ` › ${row.inner}` : ""), ""],
  ["who", "Name", (row) => row.who, "wide"],
  ["owner", "Owner", (row) => row.owner || "", ""],
  ["found", "Findings", (row) => row.findings.map(nameOf).join(", "), "wide"],
  ["verdict", "Verdict", (row) => (row.verdict === "allow" ? "" : ACTIONS[row.verdict]), ""],
  ["sent", "Sent", (row) => bytes(row.sent), "figure"],
  ["received", "Received", (row) => bytes(row.received), "figure"],
  ["server", "Server", (row) => `${row.server} ${row.transport}`, ""],
  ["client", "Client", (row) => row.client, ""],
];
const PAGE = 200;
const view = { key: "start", down: false, shown: PAGE };

function flowHead() {
  const cells = COLUMNS.map(([key, label, , kind]) => {
    const button = el("button", { type: "button" }, label);
    const cell = el("th", { scope: "col", class: kind === "figure" ? kind : null, "aria-sort": "none" }, button);
    button.addEventListener("click", () => {
      view.down = view.key === key ? !view.down : ["sent", "received", "found"].includes(key);
      view.key = key;
      for (const other of cells) other.setAttribute("aria-sort", "none");
      cell.setAttribute("aria-sort", view.down ? "descending" : "ascending");
      listFlows();
    });
    return cell;
  });
  cells[0].setAttribute("aria-sort", "ascending");
  byId("flows").append(el("caption", { class: "hidden" }, "Flows; the headings sort"), el("thead", {}, el("tr", {}, ...cells)), el("tbody"));
}

function listFlows() {
  const words = byId("filter-text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const protocol = byId("filter-protocol").value;
  const only = byId("filter-findings").checked;
  const wanted = rows.filter((row) => (!only || row.found) && (!protocol || row.protocol === protocol) && words.every((word) => row.text.includes(word)));
  const sign = view.down ? -1 : 1;
  const value = (row) => row[view.key] ?? "";
  wanted.sort((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) || a.id - b.id);
  const body = byId("flows").tBodies[0];
  body.replaceChildren(...wanted.slice(0, view.shown).map((row) => el("tr", {}, ...COLUMNS.map(([, , shown, kind]) => el("td", { class: kind || null }, shown(row))))));
  const listed = rows.length < data.flowCount ? ` (the page lists ${count(rows.length)} of ${count(data.flowCount)})` : "";
  byId("flows-count").textContent = `${count(wanted.length)} of ${counted(rows.length, "flow")}${listed}`;
  byId("more").hidden = wanted.length <= view.shown;
}

/* The page */

function headline() {
  const given = data.findings.filter((found) => isLeak(found.id)).length;
  const suspicious = data.findings.length - given;
  const hidden = data.flowCount ? Math.round((100 * data.unseen.encrypted) / data.flowCount) : 0;
  const figure = (value, label, warm) => byId("headline").append(el("div", { class: warm ? "warm" : null }, el("dt", {}, label), el("dd", {}, value)));
  figure(count(given), given === 1 ? "thing given away" : "things given away", given > 0);
  figure(count(suspicious), "suspicious", false);
  figure(count(companies.length), companies.length === 1 ? "party talked to" : "parties talked to", false);
  figure(`${hidden} %`, "of flows encrypted, content not seen", false);
  figure(bytes(data.bytes[0]), "sent", false);
  figure(bytes(data.bytes[1]), "received", false);
}

function title() {
  const names = data.captures.map((capture) => capture.name.split("/").pop());
  const name = names.length === 1 ? names[0] : `${count(names.length)} captures`;
  byId("title").textContent = name || "Report";
  document.title = `${name} – Weir`;
  const when = data.first === null || names.length > 1 ? "" : ` · ${dated(data.first)} · ${duration(data.last - data.first)} of traffic`;
  byId("subtitle").textContent = `${counted(data.packets, "packet")} · ${counted(data.flowCount, "flow")}${when}`;
  byId("footer").textContent = `Made by weir ${data.version}. Everything on this page is in this file; it asks no network for anything. Values that were given away are masked.`;
}

title();
headline();
findings(byId("given"), (found) => isLeak(found.id), "Weir recognised nothing that was given away in what it could see.");
findings(byId("suspicious"), (found) => !isLeak(found.id), "Weir recognised nothing suspicious in what it could see.");
timeline();
bars(byId("companies"), "Companies and other parties", "Party", companies, true);
bars(byId("protocols"), "Protocols", "Protocol", protocols, false);
unseen();
for (const group of protocols) byId("filter-protocol").append(el("option", { value: group.name }, group.name));
flowHead();
listFlows();
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("input", () => { view.shown = PAGE; listFlows(); });
byId("more").addEventListener("click", () => { view.shown += PAGE * 5; listFlows(); });
addEventListener("beforeprint", () => { for (const details of document.querySelectorAll("details")) details.open = true; });
