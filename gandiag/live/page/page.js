"use strict";
// Asks for what is new, and draws it. Words reach the page as text alone, never as HTML.

const EVERY = 1000; // milliseconds between two questions
const WIDTH = 340, HEIGHT = 150, LEFT = 52, RIGHT = 8, TOP = 14, BOTTOM = 34;
const DASHES = ["", "6 3", "2 2", "8 3 2 3", "1 3", "10 4", "4 2 1 2", "3 5"];
const SVG = "http://www.w3.org/2000/svg";

let seen = "", known = null, received = 0;

function make(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

function draw(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

const whole = (n) => n.toLocaleString("en-US");

function number(value, digits = 4) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(digits - 2);
  return String(Number(value.toPrecision(digits)));
}

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// The last part of a path, where that says which run it is.
function brief(run) {
  const end = (each) => each.name.split("/").filter(Boolean).at(-1) ?? each.name;
  return known.runs.filter((each) => end(each) === end(run)).length === 1 ? end(run) : run.name;
}

// --- what a run is ---

function silence(run) {
  return run.silence + (Date.now() - received) / 1000;
}

function state(run) {
  if (run.trouble) return ["bad", run.trouble];
  if (run.awaited) return ["silent", "nothing recorded yet"];
  if (run.over) return ["state", "ended"];
  if (document.getElementById("given")) return ["state", "not ended when this was written"];
  const since = silence(run);
  if (since > run.patience) {
    return ["silent", `nothing has come for ${duration(since)}: the run may have been killed`];
  }
  return ["state", `last line ${duration(since)} ago`];
}

function showRuns() {
  const rows = known.runs.map((run, index) => {
    const [kind, words] = state(run);
    const of = run.budget ? ` of ${whole(run.budget)}` : "";
    const lasting = run.alerts.filter((each) => each.lasts).length;
    const told = `${run.alerts.length} alert${run.alerts.length === 1 ? "" : "s"}, ${lasting} not over`;
    const row = make("div", { class: "run" }, key(index), make("b", {}, run.name),
      make("span", {}, `generator step ${whole(run.step)}${of}`), make("span", {}, told),
      make("span", { class: kind }, words));
    if (run.restarts) row.append(make("span", { class: "faint" }, `began anew ${run.restarts} times`));
    return row;
  });
  document.getElementById("runs").replaceChildren(...rows);
}

function key(index) {
  const made = draw("svg", { viewBox: "0 0 34 10", "aria-hidden": "true" });
  made.append(draw("path", { d: "M0 5H34", class: `curve run${index % 8}`, "stroke-dasharray": DASHES[index % 8] }));
  return made;
}

// --- alerts ---

function listed(title, entries) {
  if (!entries.length) return [];
  return [make("p", { class: "faint" }, title), make("ul", {}, ...entries.map((each) => make("li", {}, each)))];
}

function alertCard(run, alert) {
  const evidence = Object.entries(alert.evidence).filter(([name]) => name !== alert.signal).map(([name, value]) => `${name} ${number(value, 3)}`);
  const numbers = [`${alert.signal} ${number(alert.value, 3)}, threshold ${number(alert.threshold, 3)}`, ...evidence];
  const more = make("details", {}, make("summary", { class: "faint" }, "causes and what to try"),
    ...listed("Usual causes", alert.causes), ...listed("What to try", alert.remedies));
  more.dataset.key = `${run.name} ${alert.pathology} ${alert.step}`;
  return make("div", { class: `alert ${alert.level}` },
    make("span", { class: "level" }, alert.level), " ",
    make("b", {}, alert.of ? `${alert.of}: ${alert.pathology}` : alert.pathology),
    ` at step ${whole(alert.step)} (since ${whole(alert.since)})`,
    known.runs.length > 1 ? ` in ${run.name}` : "",
    make("div", { class: "faint" }, numbers.join(", ")),
    ...(alert.causes.length || alert.remedies.length ? [more] : []));
}

function past(run) {
  const where = known.runs.length > 1 ? ` in ${run.name}` : "";
  const gone = run.alerts.filter((each) => !each.lasts).map((each) => [each.step, `${each.level} ${each.pathology} at step ${whole(each.step)}${where}`]);
  const ends = run.overs.map((each) => [each.step, `over: ${each.pathology} since step ${whole(each.since)}, told at step ${whole(each.alerted)}${where}`]);
  const marks = run.marks.map((each) => [each.step, `changed at step ${whole(each.step)}: ${each.event}${where}`]);
  const notes = run.notes.map((each) => [each.step, `note at step ${whole(each.step)}: ${each.message}${where}`]);
  return [...gone, ...ends, ...marks, ...notes];
}

function showAlerts() {
  const place = document.getElementById("alerts");
  const open = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.key));
  const rank = { ERROR: 0, WARN: 1 };
  const lasting = known.runs.flatMap((run) => run.alerts.filter((each) => each.lasts).map((each) => [run, each]));
  lasting.sort(([, a], [, b]) => (rank[a.level] ?? 2) - (rank[b.level] ?? 2) || a.step - b.step);
  const cards = lasting.map(([run, each]) => alertCard(run, each));
  const before = known.runs.flatMap(past).sort((a, b) => a[0] - b[0]);
  if (before.length) {
    const all = make("details", {}, make("summary", { class: "faint" }, `what is over, changed or noted: ${before.length}`),
      make("ul", {}, ...before.map(([, words]) => make("li", {}, words))));
    all.dataset.key = "before";
    cards.push(make("div", { class: "alert over" }, all));
  }
  if (!lasting.length) cards.unshift(make("p", { class: "faint" }, "no alert lasts"));
  place.replaceChildren(...cards);
  for (const each of place.querySelectorAll("details")) each.open = open.has(each.dataset.key);
}

// --- charts ---

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

function chart(name) {
  const lines = known.runs.map((run, index) => ({ run, index, signal: run.signals[name] })).filter((each) => each.signal);
  const all = lines.flatMap((each) => each.signal.points);
  const marks = known.runs.flatMap((run, index) => run.alerts.map((alert) => ({ alert, index })));
  let first = Math.min(...all.map((p) => p[0])), last = Math.max(...all.map((p) => p[0]));
  let low = Math.min(...all.map((p) => p[2])), high = Math.max(...all.map((p) => p[3]));
  if (first === last) [first, last] = [first - 1, last + 1];
  if (low === high) {
    const half = Math.abs(low) / 10 || 1;
    [low, high] = [low - half, high + half];
  }
  const x = (step) => LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
  const place = (step, value) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  const now = lines.map((each) => `${brief(each.run)} ${number(each.signal.points.at(-1)[1])}`);
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name} over generator steps; now ${now.join(", ")}` });
  picture.append(draw("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }));
  // So many that neighbours differ.
  const digits = Math.min(6, Math.max(3, 1 + Math.ceil(Math.log10(4 * Math.max(Math.abs(low), Math.abs(high)) / (high - low)))));
  for (const value of ticks(low, high, 4)) {
    picture.append(draw("path", { class: "axis", d: `M${LEFT - 4} ${y(value)}H${WIDTH - RIGHT}` }));
    picture.append(draw("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, number(value, digits)));
  }
  for (const step of ticks(first, last, 4)) {
    picture.append(draw("path", { class: "axis", d: `M${x(step)} ${HEIGHT - BOTTOM}v4` }));
    picture.append(draw("text", { x: x(step), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, whole(step)));
  }
  picture.append(draw("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "generator step"));
  for (const { alert, index } of marks) {
    if (alert.step < first || alert.step > last) continue;
    const at = x(alert.step).toFixed(1);
    const own = alert.signal === name || name in alert.evidence;
    const group = draw("g", { class: "alert-mark" });
    group.append(draw("title", {}, `${alert.level} ${alert.pathology} at step ${whole(alert.step)}`));
    group.append(draw("path", { class: `mark run${index % 8}${own ? " own" : ""}`, d: `M${at} ${TOP}V${HEIGHT - BOTTOM}` }));
    group.append(draw("path", { class: `peg fill${index % 8}`, d: `M${at} ${TOP}l-5 -9h10z` }));
    picture.append(group);
  }
  for (const { index, signal } of lines) {
    const points = signal.points;
    if (points.some((p) => p[2] !== p[3])) {
      const up = points.map((p) => place(p[0], p[3])), down = points.map((p) => place(p[0], p[2])).reverse();
      picture.append(draw("path", { class: `range fill${index % 8}`, d: `M${[...up, ...down].join("L")}Z` }));
    }
    picture.append(draw("path", { class: `curve run${index % 8}`, "stroke-dasharray": DASHES[index % 8], d: `M${points.map((p) => place(p[0], p[1])).join("L")}` }));
    const end = points.at(-1);
    picture.append(draw("circle", { class: `fill${index % 8}`, cx: x(end[0]), cy: y(end[1]), r: 2.6 }));
  }
  const out = make("output", {}, now.length > 1 ? now.join("; ") : `now ${number(lines[0].signal.points.at(-1)[1])}; lowest ${number(lines[0].signal.low)}, highest ${number(lines[0].signal.high)}`);
  pointed(picture, out, lines, x, first, last);
  const means = known.meanings[name];
  return make("figure", { "data-signal": name }, make("h2", {}, name), picture, out,
    make("figcaption", {}, `${means.meaning}; ${means.unit}`));
}

// Beside the pointer: the values there.
function pointed(picture, out, lines, x, first, last) {
  const usual = out.textContent;
  const hair = draw("path", { class: "hair", visibility: "hidden" });
  picture.append(hair);
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * WIDTH;
    const step = first + (at - LEFT) / (WIDTH - LEFT - RIGHT) * (last - first);
    const near = lines.map((each) => each.signal.points.reduce((a, b) => Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a));
    hair.setAttribute("d", `M${x(near[0][0])} ${TOP}V${HEIGHT - BOTTOM}`);
    hair.setAttribute("visibility", "visible");
    out.textContent = near.map((p, i) => `step ${whole(p[0])}: ${number(p[1])}${lines.length > 1 ? ` (${brief(lines[i].run)})` : ""}`).join("; ");
  });
  picture.addEventListener("pointerleave", () => {
    hair.setAttribute("visibility", "hidden");
    out.textContent = usual;
  });
}

function showCharts() {
  const names = Object.keys(known.meanings).filter((name) => known.runs.some((run) => run.signals[name]));
  document.getElementById("charts").replaceChildren(...names.map(chart));
}

// --- asking ---

async function ask() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(`runs.json?seen=${seen}`, { cache: "no-store" });
    if (answer.status === 200) {
      known = await answer.json();
      seen = known.version;
      received = Date.now();
      document.title = `${known.runs.map((run) => run.name).join(", ")} - gandiag watch`;
      showAlerts();
      showCharts();
    } else if (answer.status !== 204) {
      throw new Error(answer.statusText);
    }
    lost.hidden = true;
  } catch (error) {
    if (lost.hidden) lost.textContent = `gandiag watch has stopped, or cannot be reached, since ${new Date().toLocaleTimeString()}; below is what came until then.`;
    lost.hidden = false;
  }
  if (known) showRuns();
  setTimeout(ask, EVERY);
}

// A file holds what there is; the live page asks for it.
const given = document.getElementById("given");
if (given) {
  known = JSON.parse(given.textContent);
  received = Date.now();
  document.title = `${known.runs.map((run) => run.name).join(", ")} - gandiag report`;
  showRuns();
  showAlerts();
  for (const each of document.querySelectorAll("#alerts > .alert > details")) each.open = true;
  showFrames(known.made);
  showCharts();
} else ask();
