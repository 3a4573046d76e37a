// The NLL curves of the chosen runs, training and validation.
const MOST_POINTS = 8000; // a chart of hundreds of curves takes no longer than one of ten
const MOST_HOVERED = 1500;
const axes = { epoch: "epochs", step: "steps", images: "training images seen", seconds: "seconds of training" };
const units = { bits: "bits per dimension", nats: "nats per image" };
const splits = { validation: "val", training: "train" };

/** What curves may be colored by: the run, the variant, and every key that takes a few values. */
const colorings = () => [["run", "by run"], ...columns.filter(({ few }) => few).map(({ key, label }) => [key, `by ${label}`])];
const ordered = (values) => [...new Set(values)].sort((a, b) => String(a).localeCompare(String(b), "en", { numeric: true }));

/** One record a point of `curves`, the columns of a run's curve by their names. */
function curvePoints(runs, curves, x, by, times) {
  const points = [];
  const banded = at("seeds").value === "band";
  const each = Math.max(12, Math.floor(MOST_POINTS / (runs.length * Object.keys(curves).length)));
  for (const run of runs) {
    const { curve } = run;
    const length = curve.epoch.length;
    const stride = Math.max(1, Math.ceil(length / each));
    const hovered = Math.max(1, Math.ceil((length * runs.length) / MOST_HOVERED));
    const line = (banded && run.parent ? run.parent : run).label;
    for (const [split, name] of Object.entries(curves))
      for (let i = 0; i < length; i++) {
        if ((i % stride && i !== length - 1) || curve[name]?.[i] == null || curve[x][i] == null) continue;
        points.push({
          run: run.label,
          line,
          by: by ? String(by(run) ?? "–") : line,
          split,
          x: curve[x][i],
          y: curve[name][i] * times,
          late: i >= length / 5,
          hover: (length - 1 - i) % Math.max(stride, hovered) === 0,
          epoch: curve.epoch[i],
          step: curve.step[i],
        });
      }
  }
  return points;
}

/** From the last four fifths of the curves, and without what lies far from most of it: a run that diverged. */
function robustRange(points) {
  const late = points.filter((point) => point.late).map((point) => point.y).sort((a, b) => a - b);
  const share = (part) => late[Math.round(part * (late.length - 1))];
  const [low, high] = [share(0.25), share(0.75)];
  const far = 1.5 * (high - low) || Infinity;
  const ends = [Math.max(late[0], low - far), Math.min(late.at(-1), high + far)];
  const margin = 0.04 * (ends[1] - ends[0]) || 0.02 * Math.abs(ends[1]);
  return [ends[0] - margin, ends[1] + margin];
}

/** Few names make a legend; of many nobody finds a line again. */
function legendFor(names, chart = "chart") {
  if (names.length > 10) return null;
  const width = 60 + 7.2 * Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor(at(chart).clientWidth / width));
  return { title: null, orient: "bottom", direction: "horizontal", symbolType: "stroke", symbolOpacity: 1, columns };
}

const scaleFor = (log, domain) => (log ? { type: "log", domain } : { type: "linear", zero: false, domain });

function drawCurves(element, runs, curves, { title, times = 1, range, logY, height }) {
  const [x, key] = ["x-axis", "color"].map((id) => at(id).value);
  const by = key === "run" ? null : columns.find((column) => column.key === key).value;
  const points = curvePoints(runs, curves, x, by, times);
  const names = points.map((point) => point.by);
  const order = by ? ordered(names) : [...new Set(names)]; // runs come best first, values in their order
  const longest = Math.max(...runs.map(({ curve }) => curve.epoch.length));
  const half = Math.ceil((Number(at("smooth").value) * longest) / 2);
  const many = runs.length > 30;
  const values = {
    description: `Line chart of ${title} against ${axes[x]}, one line a run`,
    values: points,
    height,
    frame: [-half, half],
    xTitle: axes[x],
    xScale: scaleFor(at("log-x").checked),
    yTitle: title,
    yScale: scaleFor(logY, range && points.length ? robustRange(points) : undefined),
    legend: height > 200 ? legendFor(order) : null, // panels share that of the chart above
    dashLegend: Object.keys(curves).length > 1 ? { orient: "top", symbolType: "stroke" } : null,
    order,
    opacity: many ? 0.6 : 1,
    stroke: many ? 1 : 1.8,
  };
  draw(element, points.length ? filled(page.charts.curves, values) : null);
}

function renderCurves() {
  const [x, y] = ["x-axis", "y-axis"].map((id) => at(id).value);
  const runs = chosen().filter((run) => run.curve && run.curve[x].some((value) => value != null));
  const without = chosen().length - runs.length;
  const notes = [
    "Drag to move, Ctrl and the wheel to zoom, double-click to come back.",
    without ? `Without a curve: ${without} of the runs.` : "",
    at("color").value === "run" && runs.length > 10
      ? "Hover over a curve to see which run it is; with ten runs or fewer, or another coloring, there is a legend."
      : "",
  ];
  at("chart-note").textContent = notes.filter(Boolean).join(" ");
  if (!runs.length) return draw(at("chart"), null);
  drawCurves(at("chart"), runs, at("train").checked ? splits : { validation: "val" }, {
    title: units[y],
    times: y === "bits" ? bitsPerNat : 1,
    range: at("range").value === "late",
    logY: at("log-y").checked,
    height: 400,
  });
  for (const [name, title] of page.panels)
    drawCurves(at(`panel-${name}`), runs, { [title]: name }, { title, height: 130 });
}

function startCurves() {
  const ways = colorings();
  const many = entries.filter(isRun).length > 10;
  fill(at("color"), ways, many && ways.length > 1 ? ways[1][0] : "run");
  at("train").checked = !many;
  at("seeds").parentElement.hidden = !entries.some(isGroup);
  at("panels").append(...page.panels.map(([name]) => make("div", { id: `panel-${name}`, class: "chart" })));
  const known = ["images", "epoch"].find((x) => entries.some(({ curve }) => curve?.[x].some((value) => value != null)));
  at("x-axis").value = known ?? "epoch"; // older histories don't count images
  at("y-axis").value = page.unit;
  for (const id of ["x-axis", "y-axis", "color", "range", "seeds", "smooth", "log-y", "log-x", "train"])
    at(id).addEventListener("change", renderCurves);
  part(at("curves"), renderCurves);
}
