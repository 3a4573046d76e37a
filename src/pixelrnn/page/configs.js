// Two runs side by side: where they come from, and their whole configurations, what differs first.
function renderConfigs() {
  const runs = ["config-a", "config-b"].map((id) => entries[at(id).value]);
  const [a, b] = runs.map((run) => ({ ...run.origin, ...page.common, ...run.settings }));
  const differs = (key) => a[key] !== b[key];
  const keys = Object.keys({ ...a, ...b });
  const cell = (value) => make("td", {}, value == null ? soft("–") : String(value));
  const name = (key) => make("th", { scope: "row" }, key);
  const row = (key) => make("tr", { class: differs(key) ? "differs" : null }, name(key), cell(a[key]), cell(b[key]));
  const shown = [...keys.filter(differs), ...keys.filter((key) => !differs(key) && at("agreeing").checked)];
  const head = ["key", ...runs.map(({ label }) => label)].map((text) => make("th", { scope: "col" }, text));
  at("configs-table").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...shown.map(row)));
}
function showConfig(entry) {
  at("config-a").value = entries.indexOf(runsOf(entry)[0]);
  renderConfigs();
  at("configs").scrollIntoView();
  at("config-a").focus({ preventScroll: true });
}
function startConfigs() {
  const options = entries.filter(isRun).map((run) => [entries.indexOf(run), run.label]);
  fill(at("config-a"), options, options[0][0]);
  fill(at("config-b"), options, (options[1] ?? options[0])[0]);
  at("agreeing").checked = options.length === 1;
  part(at("configs"), renderConfigs);
}
