// The table: one row a run or baseline; sorted by a click on a heading, filtered by words and by column < value.

/** "row layers=3 bits<1.9": every term must hold. A word may stand anywhere in the row. */
function parseFilter(text) {
  const terms = text.split(/\s+/).filter(Boolean).map(parseTerm);
  return (entry) => terms.every((term) => term(entry));
}
function parseTerm(term) {
  const [, name, sign, wanted] = term.match(/^([\w.]+)(!=|<=|>=|=|<|>)(.+)$/) ?? [];
  const column = name && columnOf(name);
  if (column) return (entry) => compare(column.value(entry), sign, wanted);
  const found = (entry) => words(entry).includes(term.toLowerCase());
  const unknown = name && !entries.some(found); // a sweep's runs have a = in their names
  const known = columns.map(({ key }) => key).join(", ");
  if (unknown) at("filter-problem").textContent = `No column is called ${name}: there is ${known}.`;
  return found;
}
function compare(value, sign, wanted) {
  const list = wanted.split(",").filter(Boolean);
  if (list.length > 1) return list[sign === "!=" ? "every" : "some"]((one) => compare(value, sign, one));
  if (value == null) return sign === "!=";
  const plain = typeof value === "number" ? Number : (text) => text.toLowerCase();
  const [left, right] = [value, wanted].map(plain);
  if (sign === "=" || sign === "!=") return (left === right) === (sign === "=");
  return { "<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right }[sign];
}
function words(entry) {
  const values = () => [...columns.map(({ value }) => value(entry)), entry.status, entry.note];
  return (entry.words ??= values().join(" ").toLowerCase());
}

/** Missing values last, whichever way. */
function sorted(list) {
  const { key, down } = state.sort;
  const column = columns.find((column) => column.key === key);
  const order = column.numeric ? (a, b) => a - b : inOrder;
  return [...list].sort((one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a == null || b == null) return (a == null) - (b == null);
    return down ? order(b, a) : order(a, b);
  });
}

const shownColumns = () => columns.filter(({ shown }) => shown);
function headRow() {
  const every = visible().length > 0 && visible().every((run) => state.selected.has(run));
  const all = checkbox("Select all rows shown", every, () => {
    for (const run of visible()) every ? state.selected.delete(run) : state.selected.add(run);
    changed();
  });
  const heads = shownColumns().map(({ key, label, title, numeric }) => {
    const current = key === state.sort.key;
    const sort = current ? (state.sort.down ? "descending" : "ascending") : "none";
    const onclick = () => {
      state.sort = { key, down: current && !state.sort.down };
      changed();
    };
    const button = make("button", { type: "button", "aria-label": `Sort by ${label}`, title, onclick }, label);
    const content = key === "run" ? make("span", { class: "name" }, all, button) : button;
    return make("th", { scope: "col", "aria-sort": sort, class: numeric ? "number" : null }, content);
  });
  return make("tr", {}, ...heads);
}
function bodyRow(entry) {
  const row = shownColumns().map(({ key, numeric, show }) =>
    key === "run"
      ? make("th", { scope: "row" }, show(entry))
      : make("td", { class: numeric ? "number" : null }, show(entry)),
  );
  const kind = entry.kind + (entry.parent ? " member" : "") + (isSelected(entry) ? " selected" : "");
  return make("tr", { class: kind }, ...row);
}
/** Runs and groups in order, below an open group its runs. */
function tableRows() {
  const seen = visible();
  const inside = ({ members }) => sorted(members.filter((run) => seen.includes(run)));
  const rows = sorted([...grouped(seen), ...entries.filter(isBaseline)]);
  return rows.flatMap((entry) => (state.open.has(entry) ? [entry, ...inside(entry)] : [entry]));
}
/** Render it; the control that has the focus keeps it. */
function renderTable() {
  const focused = at("table").contains(document.activeElement) && document.activeElement.ariaLabel;
  at("table").replaceChildren(make("thead", {}, headRow()), make("tbody", {}, ...tableRows().map(bodyRow)));
  at("wide").hidden = at("table").scrollWidth <= at("table").parentElement.clientWidth;
  if (focused) at("table").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}
function renderCount() {
  const [runs, shown] = [entries.filter(isRun), visible()];
  const selected = shown.filter((run) => state.selected.has(run)).length;
  const part = shown.length === runs.length ? "" : `${shown.length} of `;
  const noun = runs.length === 1 ? "run" : "runs";
  at("count").value = `${part}${runs.length} ${noun}${selected ? `, ${selected} selected` : ""}`;
  at("clear").disabled = state.selected.size === 0;
}

/** The table as it stands, for a paper or a program: figures in full for a program. */
const exports = {
  csv(rows, shown) {
    const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : (value ?? ""));
    const error = ({ key, field }) => ({ key: `${key}_se`, value: (entry) => entry[`${field}_se`] });
    const fields = shown.flatMap((column) => (column.nll ? [column, error(column)] : [column]));
    const lines = [fields.map(({ key }) => key), ...rows.map((entry) => fields.map(({ value }) => value(entry)))];
    return lines.map((line) => line.map(quoted).join(",")).join("\n");
  },
  md(rows, shown) {
    const line = (texts) => `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
    const rule = shown.map(({ numeric }) => (numeric ? "--:" : ":--"));
    return [line(shown.map(({ label }) => label)), line(rule), ...texts(rows, shown).map(line)].join("\n");
  },
  tex(rows, shown) {
    const signs = { "±": "$\\pm$", "≤": "$\\le$", "–": "--", "’": "'", "\\": "\\textbackslash{}" };
    const safe = (text) => text.replace(/[\\±≤–’]|[#$%&_{}]/g, (sign) => signs[sign] ?? `\\${sign}`);
    const line = (texts) => `${texts.map(safe).join(" & ")} \\\\`;
    const head = [`\\begin{tabular}{${shown.map(({ numeric }) => (numeric ? "r" : "l")).join("")}}`, "\\toprule"];
    const body = [line(shown.map(({ label }) => label)), "\\midrule", ...texts(rows, shown).map(line)];
    return [...head, ...body, "\\bottomrule", "\\end{tabular}"].join("\n");
  },
};
const texts = (rows, shown) => {
  const text = (entry, show) => make("i", {}, show(entry)).textContent;
  return rows.map((entry) => shown.map(({ key, show }) => (key === "run" ? nameOf(entry) : text(entry, show))));
};
function save(kind) {
  const text = `${exports[kind](tableRows(), shownColumns())}\n`;
  const href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
  make("a", { href, download: `comparison.${kind}` }).click();
}

function useFilter() {
  at("filter-problem").textContent = "";
  state.filter = parseFilter(at("filter").value);
}
function startTable() {
  for (const column of columns.slice(1)) {
    const onchange = ({ target }) => {
      column.shown = target.checked;
      renderTable();
    };
    at("columns").append(make("label", {}, checkbox(column.label, column.shown, onchange), column.label));
  }
  for (const kind of Object.keys(exports)) at(`save-${kind}`).addEventListener("click", () => save(kind));
  at("filter-example").textContent = page.example;
  at("filter").addEventListener("input", () => {
    useFilter();
    changed();
  });
  at("clear").addEventListener("click", () => {
    state.selected.clear();
    changed();
    at("filter").focus();
  });
  document.addEventListener("runs", renderTable);
  document.addEventListener("runs", renderCount);
  renderTable();
}
