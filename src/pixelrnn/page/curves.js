// The NLL curves of the chosen runs, training and validation.
const MOST_POINTS = 8000; // a chart of hundreds of curves takes no longer than one of ten
const MOST_HOVERED = 1500;
const textOf = (id) => at(id).selectedOptions[0].text;
const splits = { validation: "val", training: "train" };

/** What curves may be colored by, beside the run: the variant, and every key that takes a few values. */
const colorings = columns.filter(({ few }) => few).map(({ key, label }) => [key, `by ${label}`]);
const ordered = (values) => [...new Set(values)].sort(inOrder);

/** A record a run: its curve's columns as lists, which the chart flattens; of long ones every so many points. */
function curvesOf(runs, curves, x, by) {
  const banded = at("seeds").value === "band";
  const each = Math.max(12, Math.floor(MOST_POINTS / (runs.length * Object.keys(curves).length)));
  return runs.map((run) => {
    const length = run.curve.epoch.length;
    const stride = Math.max(1, Math.ceil(length / each));
    const kept = (name) => (run.curve[name] ?? []).filter((_, i) => i % stride === 0 || i === length - 1);
    const line = (banded && run.parent ? run.parent : run).label;
    const lists = { epoch: "epoch", step: "step", x, ...curves };
    for (const [name, column] of Object.entries(lists)) lists[name] = kept(column);
    return { run: run.label, line, by: by ? String(by(run) ?? "–") : line, ...lists };
  });
}

/** From the lowest to not far above most of the last four fifths: a run that diverged leaves the others apart. */
function robustRange(curves) {
  const late = curves.flatMap((curve) => curve.slice(curve.length / 5)).filter((value) => value != null);
  late.sort((a, b) => a - b);
  const [low, most, high] = [0, 0.75, 1].map((part) => late[Math.round(part * (late.length - 1))]);
  const top = Math.min(high, most > low ? 2 * most - low : high);
  const margin = 0.04 * (top - low) || 0.02 * Math.abs(top);
  return [low - margin, top + margin];
}

/** Few names make a legend; of many nobody finds a line again. */
function legendFor(names, chart = "chart") {
  if (names.length > 10) return null;
  const width = 60 + 7.2 * Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor(at(chart).clientWidth / width));
  return { title: null, orient: "bottom", direction: "horizontal", symbolType: "stroke", symbolOpacity: 1, columns };
}

const scaleFor = (log, domain) => (log ? { type: "log", domain } : { type: "linear", zero: false, domain });

function drawCurves(element, chosen, curves, { title, times = 1, range, logY, height }) {
  const [x, key] = ["x-axis", "color"].map((id) => at(id).value);
  const by = key === "run" ? null : columns.find((column) => column.key === key).value;
  const has = (curve, name) => curve[name]?.some((value, i) => value != null && curve[x][i] != null);
  const runs = chosen.filter(({ curve }) => Object.values(curves).some((name) => has(curve, name)));
  if (!runs.length) return draw(element, null);
  const records = curvesOf(runs, curves, x, by);
  const names = records.map((record) => record.by);
  const order = by ? ordered(names) : [...new Set(names)]; // runs come best first, values in their order
  const longest = Math.max(...runs.map(({ curve }) => curve.epoch.length));
  const half = Math.ceil((Number(at("smooth").value) * longest) / 2);
  const many = new Set(records.map(({ line }) => line)).size > 30;
  const values = {
    description: `Line chart of ${title} against ${textOf("x-axis")}, one line a run`,
    values: records,
    curves: Object.keys(curves),
    lists: ["epoch", "step", "x", ...Object.keys(curves)],
    times,
    every: Math.max(1, Math.ceil((longest * runs.length) / MOST_HOVERED)),
    height,
    frame: [-half, half],
    xTitle: textOf("x-axis"),
    xScale: scaleFor(at("log-x").checked),
    yTitle: title,
    yScale: scaleFor(logY, range),
    legend: height > 200 ? legendFor(order) : null, // panels share that of the chart above
    dashLegend: Object.keys(curves).length > 1 ? { orient: "top", symbolType: "stroke" } : null,
    order,
    opacity: many ? 0.6 : 1,
    stroke: many ? 1 : 1.8,
  };
  draw(element, filled("curves", values));
}

function renderCurves() {
  const [x, y] = ["x-axis", "y-axis"].map((id) => at(id).value);
  const runs = chosen().filter((run) => run.curve && run.curve[x].some((value) => value != null));
  const without = chosen().length - runs.length;
  at("chart-note").textContent = without ? `Without a curve: ${without} of the runs.` : "";
  if (!runs.length) return draw(at("chart"), null);
  const shown = at("train").checked ? splits : { validation: "val" };
  const times = y === "bits" ? bitsPerNat : 1;
  const lists = runs.flatMap(({ curve }) => Object.values(shown).map((name) => curve[name]));
  const robust = at("range").value === "late" && lists.flat().some(Boolean);
  const range = robust ? robustRange(lists).map((end) => end * times) : undefined;
  const options = { title: textOf("y-axis"), times, range, logY: at("log-y").checked, height: 400 };
  drawCurves(at("chart"), runs, shown, options);
  for (const [name, title] of page.panels)
    drawCurves(at(`panel-${name}`), runs, { [title]: name }, { title, height: 130 });
}

function startCurves() {
  const many = entries.filter(isRun).length > 10;
  fill(at("color"), [["run", "by run"], ...colorings], many && colorings.length ? colorings[0][0] : "run");
  at("train").checked = !many;
  at("seeds").parentElement.hidden = !entries.some(isGroup);
  at("panels").append(...page.panels.map(([name]) => make("div", { id: `panel-${name}`, class: "chart" })));
  const known = (x) => entries.some(({ curve }) => curve?.[x].some((value) => value != null));
  at("x-axis").value = ["images", "epoch"].find(known) ?? "epoch"; // older histories don't count images
  at("y-axis").value = page.unit;
  part(at("curves"), renderCurves);
}
