// The columns of the table: by what they sort and filter, and what stands in their cells.
const soft = (text) => make("span", { class: "se" }, text);
const dash = (entry) => (isBaseline(entry) ? "" : soft("–")); // of a baseline nothing is missing
const mark = (entry) => (entry.bound === "upper" ? "≤ " : "");
const figure = (key, digits) => (entry) => {
  if (entry[key] == null) return dash(entry);
  const error = entry[`${key}_se`];
  return make(
    "span",
    {},
    mark(entry) + number(entry[key], digits),
    error == null ? "" : soft(` ± ${number(error, digits)}`),
  );
};
const plain = (key, digits) => (entry) => (entry[key] == null ? dash(entry) : number(entry[key], digits));
/** Three digits of a rate; what is whole stays whole. */
const rounded = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3))));
const setting = (value) => (typeof value === "number" ? rounded(value) : value);
const optional = (key, column) => (entries.some((entry) => entry[key] != null) ? [{ key, ...column }] : []);

const nll = { bits: ["bits_per_dim", "bits/dim", 4], nats: ["nll_nats", "nats", 2] };
/** Test and validation NLL in one unit: that of published figures is shown unasked. */
function nllColumns(unit, field, label, digits) {
  const column = (name, key, label, shown) => ({ key: name, label, value: (entry) => entry[key], show: figure(key, digits), shown });
  const validation = entries.some((entry) => entry[`val_${field}`] != null);
  return [
    column(unit, field, `${label} ± s.e.`, unit === "bits" || page.unit === unit),
    ...(validation ? [column(`val_${unit}`, `val_${field}`, `validation ${label}`, page.unit === unit)] : []),
  ];
}

// key: name in the filter; value: what it sorts by; show: what stands in the cell
const columns = [
  { key: "run", label: "run", value: (entry) => entry.name, show: nameCell },
  { key: "audit", label: "audit", value: (entry) => entry.audit, shown: false },
  { key: "status", label: "status", value: (entry) => entry.status?.split(":")[0], shown: false },
  { key: "variant", label: "variant", value: (entry) => entry.variant },
  ...["bits", "nats"].flatMap((unit) => nllColumns(unit, ...nll[unit])),
  ...optional("seed", { label: "seed", value: (entry) => entry.seed, shown: entries.some(isGroup) }),
  ...(entries.some((entry) => entry.paper)
    ? [{ key: "paper", label: "the paper’s", value: (entry) => entry.paper?.value, show: paperCell }]
    : []),
  ...page.keys.map(({ key, shown, also }) => ({
    key,
    label: key.replace("._target_", ""),
    shown,
    title: also.length ? `the same as ${also.join(", ")}` : null,
    value: (entry) => entry.settings?.[key],
    show: (entry) => setting(entry.settings?.[key]) ?? dash(entry),
  })),
  { key: "parameters", label: "parameters", value: (entry) => entry.parameters, show: plain("parameters", 0) },
  { key: "train", label: "training, s", value: (entry) => entry.train_seconds, show: plain("train_seconds", 1) },
  { key: "speed", label: "images/s", value: (entry) => entry.images_per_second, show: plain("images_per_second", 0), shown: false },
  { key: "sampling", label: "sampling, s", value: (entry) => entry.sample_seconds, show: samplingCell, shown: false },
  { key: "git", label: "revision", value: (entry) => entry.git, show: gitCell, shown: false },
  { key: "command", label: "command", value: (entry) => entry.command, show: commandCell, shown: false },
].map((column) => ({ shown: true, show: (entry) => column.value(entry) ?? dash(entry), ...column }));
for (const column of columns) {
  const values = entries.map(column.value).filter((value) => value != null);
  column.numeric = values.length > 0 && values.every((value) => typeof value === "number");
}
const columnOf = (name) =>
  columns.find(({ key }) => key === name) ??
  columns.find(({ key }) => key.split(".").at(-1) === name) ??
  columns.find(({ key }) => key.includes(name));

/** Checkbox, name and, unless all is well, the status with its reason; of a group what opens it. */
function nameCell(entry) {
  if (isBaseline(entry)) return make("span", { class: "name" }, entry.name);
  const pieces = entry.label.split(/(?<=[,/_])/).flatMap((piece) => [piece, make("wbr")]); // where a line may break
  const attributes = { type: "button", class: "link", title: entry.name, onclick: () => showDetails(entry) };
  const name = make("button", attributes, ...pieces);
  const [kind, ...reason] = entry.status?.split(": ") ?? ["finished"];
  const why = [reason.join(": "), entry.note].filter(Boolean).join("; ").replaceAll(`${entry.path}/`, "");
  const bad = entry.audit === "leak" ? "leak" : kind;
  const badge = bad === "finished" ? "" : make("span", { class: `badge ${bad}` }, bad);
  const box = checkbox(`Select ${entry.name}`, isSelected(entry), () => select(entry, box));
  const rest = badge || why ? make("span", { class: "reason" }, badge, " ", why) : null;
  return make("span", { class: "name" }, box, make("span", {}, name, rest, isGroup(entry) ? opener(entry) : null));
}
function opener(group) {
  const open = state.open.has(group);
  const onclick = () => {
    open ? state.open.delete(group) : state.open.add(group);
    renderTable();
    at("table").querySelector(`[data-group="${CSS.escape(group.name)}"]`).focus();
    changed();
  };
  const attributes = { type: "button", class: "opener", "aria-expanded": String(open), "data-group": group.name, onclick };
  return make("button", attributes, `${open ? "▾" : "▸"} ${group.members.length} seeds`);
}
const runsOf = (entry) => entry.members ?? [entry];
const isSelected = (entry) => runsOf(entry).every((run) => state.selected.has(run));
function checkbox(label, checked, onchange) {
  const box = make("input", { type: "checkbox", "aria-label": label, onchange });
  box.checked = checked;
  return box;
}
function select(entry, box) {
  for (const run of runsOf(entry)) box.checked ? state.selected.add(run) : state.selected.delete(run);
  renderTable();
  at("table")
    .querySelector(`[aria-label="${CSS.escape(`Select ${entry.name}`)}"]`)
    .focus();
  changed();
}
function paperCell(entry) {
  const { paper } = entry;
  if (!paper) return dash(entry);
  const title = `Table ${paper.table}${paper.memory ? "; quoted from memory, not checked" : ""}`;
  return make("span", { title }, `${number(paper.value, 2)} ${paper.unit}`, paper.memory ? soft(" (from memory)") : "");
}
function samplingCell(entry) {
  if (entry.sample_seconds == null) return dash(entry);
  return make("span", {}, number(entry.sample_seconds, 2), soft(` (${entry.sample_images})`));
}
function gitCell(entry) {
  if (!entry.git) return dash(entry);
  const text = entry.git.slice(0, 8) + (entry.dirty ? "+" : "");
  return make("code", { title: entry.git + (entry.dirty ? ", with uncommitted changes" : "") }, text);
}
function commandCell(entry) {
  if (!entry.command) return dash(entry);
  const copy = make("button", { type: "button", "aria-label": `Copy the command of ${entry.name}` }, "Copy");
  const code = make("code", { title: entry.command }, entry.command);
  copy.addEventListener("click", () => copyText(copy, code));
  return make("span", { class: "command" }, copy, code);
}
async function copyText(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  } catch {
    // not allowed here: leave it selected, for Ctrl+C
    getSelection().selectAllChildren(code);
  }
}
