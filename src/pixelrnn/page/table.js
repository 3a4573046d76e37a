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
  if (unknown) at("filter-problem").textContent = `No column is called ${name}: there is ${known()}.`;
  return found;
}
const known = () => columns.map(({ key }) => key).join(", ");
function compare(value, sign, wanted) {
  const list = wanted.split(",").filter(Boolean);
  if (list.length > 1) return list[sign === "!=" ? "every" : "some"]((one) => compare(value, sign, one));
  if (value == null) return sign === "!=";
  const [left, right] =
    typeof value === "number" ? [value, Number(wanted)] : [value.toLowerCase(), wanted.toLowerCase()];
  if (sign === "=" || sign === "!=") return (left === right) === (sign === "=");
  return { "<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right }[sign];
}
function words(entry) {
  entry.words ??= [...columns.map((column) => column.value(entry)), entry.status, entry.note].join(" ").toLowerCase();
  return entry.words;
}

/** Missing values last, whichever way. */
function sorted(list) {
  const { key, down } = state.sort;
  const column = columns.find((column) => column.key === key);
  const order = (a, b) => (column.numeric ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  return [...list].sort((one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a == null || b == null) return (a == null) - (b == null);
    return down ? order(b, a) : order(a, b);
  });
}

function headRow() {
  const every = visible().length > 0 && visible().every((run) => state.selected.has(run));
  const all = checkbox("Select all rows shown", every, () => {
    for (const run of visible()) every ? state.selected.delete(run) : state.selected.add(run);
    renderTable();
    changed();
  });
  const cells = columns
    .filter(({ shown }) => shown)
    .map((column) => {
      const current = column.key === state.sort.key;
      const sort = current ? (state.sort.down ? "descending" : "ascending") : "none";
      const onclick = () => sortBy(column.key, current && !state.sort.down);
      const button = make(
        "button",
        { type: "button", "data-key": column.key, title: column.title, onclick },
        column.label,
      );
      const content = column.key === "run" ? make("span", { class: "name" }, all, button) : button;
      return make("th", { scope: "col", "aria-sort": sort, class: column.numeric ? "number" : null }, content);
    });
  return make("tr", {}, ...cells);
}
function sortBy(key, down) {
  state.sort = { key, down };
  renderTable();
  at("table")
    .querySelector(`[data-key="${CSS.escape(key)}"]`)
    .focus();
  changed();
}
function bodyRow(entry) {
  const cells = columns
    .filter(({ shown }) => shown)
    .map((column) => {
      const attributes = column.key === "run" ? { scope: "row" } : { class: column.numeric ? "number" : null };
      return make(column.key === "run" ? "th" : "td", attributes, column.show(entry));
    });
  const kind = entry.kind + (entry.parent ? " member" : "") + (isSelected(entry) ? " selected" : "");
  return make("tr", { class: kind }, ...cells);
}
/** Runs and groups in order, below an open group its runs. */
function tableRows() {
  const seen = visible();
  const inside = ({ members }) => sorted(members.filter((run) => seen.includes(run)));
  const rows = sorted([...grouped(seen), ...entries.filter(isBaseline)]);
  return rows.flatMap((entry) => (state.open.has(entry) ? [entry, ...inside(entry)] : [entry]));
}
function renderTable() {
  at("table").replaceChildren(make("thead", {}, headRow()), make("tbody", {}, ...tableRows().map(bodyRow)));
  at("wide").hidden = at("table").scrollWidth <= at("table").parentElement.clientWidth;
}
function renderCount() {
  const [runs, shown] = [entries.filter(isRun), visible()];
  const selected = shown.filter((run) => state.selected.has(run)).length;
  const part = shown.length === runs.length ? "" : `${shown.length} of `;
  at("count").value =
    `${part}${runs.length} ${runs.length === 1 ? "run" : "runs"}${selected ? `, ${selected} selected` : ""}`;
  at("clear").disabled = state.selected.size === 0;
}

function showDetails(entry) {
  const all = {
    run: entry.name,
    status: [entry.status, entry.note].filter(Boolean).join("; "),
    folder: entry.path,
    command: entry.command,
    seeds: entry.members?.map((run) => run.seed ?? run.label).join(", "),
    revision: entry.git && entry.git + (entry.dirty ? ", with uncommitted changes" : ""),
    epochs: entry.epochs,
    ...entry.settings,
  };
  const known = Object.entries(all).filter(([, value]) => value != null);
  const list = known.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, String(value))]);
  openViewer([{ title: entry.label, body: make("dl", {}, ...list) }], 0);
}

/** A filter for this very page. */
function filterExample() {
  const best = entries.find(isRun);
  const column = columns.find(({ key, shown, numeric }) => shown && numeric && best.settings?.[key] != null);
  const setting = column && `${column.key.split(".").at(-1)}=${best.settings[column.key]}`;
  const bits = best.bits_per_dim && `bits<${(Math.ceil(20 * best.bits_per_dim) / 20).toFixed(2)}`;
  return [best.variant, setting, bits].filter(Boolean).join(" ");
}

function startMenu() {
  for (const column of columns.slice(1)) {
    const box = checkbox(column.label, column.shown, () => {
      column.shown = box.checked;
      renderTable();
    });
    at("columns").append(make("label", {}, box, column.label));
  }
  const menu = at("menu");
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function useFilter() {
  at("filter-problem").textContent = "";
  state.filter = parseFilter(at("filter").value);
}
function startTable() {
  startMenu();
  at("filter-example").textContent = filterExample();
  at("filter").addEventListener("input", () => {
    useFilter();
    renderTable();
    changed();
  });
  at("clear").addEventListener("click", () => {
    state.selected.clear();
    renderTable();
    changed();
    at("filter").focus();
  });
  document.addEventListener("runs", renderCount);
  renderTable();
}
