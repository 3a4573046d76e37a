// The columns of the table: what they sort and filter by, and what stands in their cells.
const soft = (text) => make("span", { class: "se" }, text);
const dash = (entry) => (isBaseline(entry) ? "" : soft("–")); // of a baseline nothing is missing
const mark = (entry) => (entry.bound === "upper" ? "≤ " : "");
/** Three digits of a rate; what is whole stays whole. */
const rounded = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3))));
const inOrder = (a, b) => String(a).localeCompare(String(b), "en", { numeric: true });
const setting = (value) => (typeof value === "number" ? rounded(value) : value);

/** What stands in a cell that has a value, by kind: `page/columns.py` says which column is of which kind. */
const cells = {
  name: nameCell,
  text: (entry, { value }) => value(entry),
  setting: (entry, { value }) => setting(value(entry)),
  figure(entry, { field, digits }) {
    const bound = field.includes("per_dim") || field.includes("nats") ? mark(entry) : "";
    const error = entry[`${field}_se`];
    const spread = error == null ? "" : soft(` ± ${number(error, digits)}`);
    return make("span", {}, bound + number(entry[field], digits), spread);
  },
  paper({ paper }) {
    const [title, more] = paper.memory ? ["; quoted from memory, not checked", soft(" (from memory)")] : ["", ""];
    return make("span", { title: `Table ${paper.table}${title}` }, `${number(paper.value, 2)} ${paper.unit}`, more);
  },
  sampling: (entry) => make("span", {}, rounded(entry.sample_seconds), soft(` (${entry.sample_images ?? "–"})`)),
  revision: (entry) => make("code", { title: revision(entry) }, entry.git.slice(0, 8) + (entry.dirty ? "+" : "")),
  command(entry) {
    const code = make("code", { title: entry.command }, entry.command);
    const copy = make("button", { type: "button", "aria-label": `Copy the command of ${entry.name}` }, "Copy");
    copy.addEventListener("click", () => {
      getSelection().selectAllChildren(code); // for Ctrl+C, where the next line is not allowed
      navigator.clipboard?.writeText(entry.command).then(() => (copy.textContent = "Copied"), () => {});
    });
    return make("span", { class: "command" }, copy, code);
  },
};
const revision = ({ git, dirty }) => git && git + (dirty ? ", with uncommitted changes" : "");

const columns = page.columns.map((column) => {
  const value = (entry) => {
    const own = column.field ? entry[column.field] : entry.settings?.[column.key];
    return own?.value ?? own; // of the paper's figure
  };
  const show = (entry) => (value(entry) == null ? dash(entry) : cells[column.kind](entry, { ...column, value }));
  return { ...column, value, show };
});
/** By its key, the end of its key, or a part of it. */
function columnOf(name) {
  const fits = [(key) => key === name, (key) => key.split(".").at(-1) === name, (key) => key.includes(name)];
  return fits.map((fit) => columns.find(({ key }) => fit(key))).find(Boolean);
}

/** Checkbox, name and, unless all is well, the status with its reason; of a group what opens it. */
function nameCell(entry) {
  if (isBaseline(entry)) return make("span", { class: "name" }, entry.name);
  const pieces = entry.label.split(/(?<=[,/_])/).flatMap((piece) => [piece, make("wbr")]); // where a line may break
  const attributes = { type: "button", class: "link", title: entry.name, onclick: () => showConfig(entry) };
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
  const label = `Seeds of ${group.name}`;
  const onclick = () => {
    open ? state.open.delete(group) : state.open.add(group);
    changed();
  };
  const attributes = { type: "button", class: "opener", "aria-expanded": String(open), "aria-label": label, onclick };
  return make("button", attributes, `${open ? "▾" : "▸"} ${group.members.length} seeds`);
}
const nameOf = (entry) => entry.label ?? entry.name;
const runsOf = (entry) => entry.members ?? [entry];
const isSelected = (entry) => runsOf(entry).every((run) => state.selected.has(run));
const checkbox = (label, checked, onchange) =>
  make("input", { type: "checkbox", "aria-label": label, checked, onchange });
function select(entry, box) {
  for (const run of runsOf(entry)) box.checked ? state.selected.add(run) : state.selected.delete(run);
  changed();
}
