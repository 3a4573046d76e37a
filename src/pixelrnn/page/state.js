// What the page shows, and what of it is filtered, selected and in which order. Every part below listens to "runs".
const page = JSON.parse(document.getElementById("data").textContent);
const entries = page.entries; // runs and baselines, best first, then groups; the place in this list is an entry's id
const bitsPerNat = 1 / (page.dims * Math.LN2);
const state = { filter: () => true, selected: new Set(), open: new Set(), sort: { key: "bits", down: false } };

const at = (id) => document.getElementById(id);
const isRun = (entry) => entry.kind === "run";
const isGroup = (entry) => entry.kind === "group"; // of several runs that differ in nothing but the seed
const isBaseline = (entry) => entry.kind === "baseline";
for (const group of entries.filter(isGroup)) {
  group.members = group.members.map((name) => entries.find((entry) => isRun(entry) && entry.name === name));
  for (const run of group.members) run.parent = group;
}
/** Runs, with the group of those that have one in their place. */
const grouped = (runs) => [...new Set(runs.map((run) => run.parent ?? run))];
const visible = () => entries.filter((entry) => isRun(entry) && state.filter(entry));
/** The runs that the parts below the table are about: those selected, or all that the filter leaves. */
function chosen() {
  const runs = visible();
  const selected = runs.filter((run) => state.selected.has(run));
  return selected.length ? selected : runs;
}
const changed = () => document.dispatchEvent(new Event("runs"));

/** An element: make("button", {class: "x", onclick: f}, "text", child, ...). Text is never read as HTML. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function fill(select, options, value) {
  const keep = value ?? select.value;
  select.replaceChildren(...options.map(([key, label]) => make("option", { value: key }, label)));
  if (options.some(([key]) => String(key) === String(keep))) select.value = keep;
}

/** Render a section when it comes near the window, when all is quiet, and again when runs or its controls change. */
function part(section, render) {
  let near = false;
  let stale = true;
  const work = (now) => {
    if (!stale || !(near || now)) return;
    stale = false;
    render();
  };
  const seen = ([{ isIntersecting }]) => work((near = isIntersecting));
  new IntersectionObserver(seen, { rootMargin: "400px" }).observe(section);
  setTimeout(() => work(true), 1500); // so that it is there when the page is printed
  const outdated = () => work((stale = true) && near);
  document.addEventListener("runs", later(outdated));
  section.addEventListener("change", render);
  addEventListener("beforeprint", () => work(true));
}

/** A section that has nothing to show says why. */
function leaveOut(section, why) {
  for (const child of [...at(section).children]) if (!child.matches("h2, .hint")) child.remove();
  at(`${section}-note`).textContent = why;
}

/** `work` once things have been quiet for a moment, and at most once a frame: typing doesn't wait for charts. */
function later(work, wait = 120) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => requestAnimationFrame(work), wait);
  };
}

const format = (digits) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const formats = [0, 1, 2, 3, 4].map(format); // making one takes longer than using it
const number = (value, digits) => (Number.isFinite(value) ? formats[digits].format(value) : "–");
const signed = (value, digits) => (value < 0 ? "−" : "+") + number(Math.abs(value), digits);

/** Base64 of little-endian numbers. */
function unpack(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const shades = (...names) => Object.fromEntries(names.map((name) => [name, color(name)]));
const colors = Array.from({ length: 8 }, (_, i) => `c${i}`); // of the runs
const dark = () => document.documentElement.dataset.theme === "dark";

/** A chart of `page/charts.py` with values in place of "$name"; what is undefined takes its key with it. */
function filled(name, values) {
  const all = { ...shades("soft", "strong", "line", "ink", "paper", "good", "warn", "bad"), ...values };
  const value = (_, text) => (typeof text === "string" && text[0] === "$" ? all[text.slice(1)] : text);
  return JSON.parse(JSON.stringify(page.charts[name]), value);
}

/** Put a Vega-Lite chart into an element in place of what was there, or nothing; one after the other. */
function draw(element, spec) {
  const options = {
    mode: "vega-lite",
    renderer: "canvas",
    actions: { export: { png: true, svg: true }, source: false, compiled: false, editor: false },
    config: filled("config", { font: getComputedStyle(document.body).fontFamily, category: colors.map(color) }),
    tooltip: { theme: dark() ? "dark" : "light" },
    downloadFileName: element.id,
    i18n: { CLICK_TO_VIEW_ACTIONS: "Save the chart" },
  };
  element.drawn = Promise.resolve(element.drawn).then(async () => {
    element.view?.finalize();
    element.replaceChildren();
    element.view = spec && (await vegaEmbed(element, spec, options)).view; // also for those who test the page
  });
}
