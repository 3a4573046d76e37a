// The view in the page's address: a link shows what its sender saw. Only what is not as at first is written.
const controls = () => [...document.querySelectorAll("main :is(select, input)[id]")];
const valueOf = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);
const sortText = () => (state.sort.down ? "-" : "") + state.sort.key;
const listed = (set) => [...set].map((entry) => entry.name);
let atFirst = {};

function writeAddress() {
  const view = new URLSearchParams();
  for (const control of controls()) if (valueOf(control) !== atFirst[control.id]) view.set(control.id, valueOf(control));
  if (sortText() !== atFirst.sort) view.set("sort", sortText());
  for (const name of listed(state.selected)) view.append("run", name);
  for (const name of listed(state.open)) view.append("open", name);
  if (String(view) || location.hash.includes("=")) history.replaceState(null, "", `#${view}`);
}
function readAddress() {
  if (!location.hash.includes("=")) return writeAddress(); // a link within the page
  const view = new URLSearchParams(location.hash.slice(1));
  for (const control of controls()) {
    const value = view.get(control.id) ?? atFirst[control.id];
    control.type === "checkbox" ? (control.checked = value === "true") : (control.value = value);
  }
  const sort = view.get("sort") ?? atFirst.sort;
  if (columns.some(({ key }) => key === sort.replace(/^-/, ""))) state.sort = { key: sort.replace(/^-/, ""), down: sort[0] === "-" };
  const named = (key) => new Set(entries.filter(({ name }) => view.getAll(key).includes(name)));
  state.selected = named("run");
  state.open = named("open");
  useFilter();
  renderTable();
  changed();
}
function startAddress() {
  atFirst = Object.fromEntries(controls().map((control) => [control.id, valueOf(control)]));
  atFirst.sort = sortText();
  readAddress();
  addEventListener("hashchange", readAddress);
  document.addEventListener("runs", later(writeAddress));
  document.addEventListener("change", later(writeAddress));
}
