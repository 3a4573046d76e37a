// The view in the page's address: a link shows what its sender saw. Only what is not as at first is written.
const controls = () => [...document.querySelectorAll("main :is(select, input)[id]")];
const valueOf = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);
const sortText = () => (state.sort.down ? "-" : "") + state.sort.key;
let atFirst = {};

function writeAddress() {
  const view = new URLSearchParams();
  const moved = controls().filter((control) => valueOf(control) !== atFirst[control.id]);
  for (const control of moved) view.set(control.id, valueOf(control));
  if (sortText() !== atFirst.sort) view.set("sort", sortText());
  for (const { name } of state.selected) view.append("run", name);
  for (const { name } of state.open) view.append("open", name);
  if (String(view) || location.hash.includes("=")) history.replaceState(null, "", `#${view}`);
}
function readAddress() {
  if (!location.hash.includes("=")) return writeAddress(); // a link within the page
  const view = new URLSearchParams(location.hash.slice(1));
  for (const control of controls()) {
    const value = view.get(control.id) ?? atFirst[control.id];
    control.type === "checkbox" ? (control.checked = value === "true") : (control.value = value);
  }
  const [, down, key] = (view.get("sort") ?? atFirst.sort).match(/(-?)(.*)/);
  if (columns.some((column) => column.key === key)) state.sort = { key, down: down === "-" };
  const named = (key) => new Set(entries.filter(({ name }) => view.getAll(key).includes(name)));
  state.selected = named("run");
  state.open = named("open");
  useFilter();
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
