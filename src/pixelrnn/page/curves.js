// The NLL curves of the chosen runs, training and validation.
const MOST_POINTS = 8000; // a chart of hundreds of curves takes no longer than one of ten
const MOST_HOVERED = 1500;
const axes = { epoch: "epochs", step: "steps", images: "training images seen", seconds: "seconds of training" };
const units = { bits: "bits per dimension", nats: "nats per image" };
const dashes = [
  [1, 0],
  [5, 3],
];

/** What curves may be colored by: the run, the variant, and every key that takes a few values. */
function colorings() {
  const keys = columns.filter(({ key }) => key === "variant" || page.keys.some((known) => known.key === key));
  const few = keys.filter((column) => {
    const values = new Set(entries.filter(isRun).map(column.value));
    return values.size > 1 && values.size <= 10;
  });
  return [["run", "by run"], ...few.map(({ key, label }) => [key, `by ${label}`])];
}

function curvePoints(runs, x, y, by, train) {
  const times = (nats) => (nats == null ? null : nats * (y === "bits" ? bitsPerNat : 1));
  const points = [];
  const each = Math.max(12, Math.floor(MOST_POINTS / (runs.length * (train ? 2 : 1))));
  for (const run of runs) {
    const { curve } = run;
    const length = curve.epoch.length;
    const stride = Math.max(1, Math.ceil(length / each));
    const hovered = Math.max(1, Math.ceil((length * runs.length) / MOST_HOVERED));
    for (let i = 0; i < length; i++) {
      if (i % stride && i !== length - 1) continue;
      const point = {
        run: run.label,
        by: String(by(run) ?? "–"),
        x: curve[x][i],
        late: i >= length / 2,
        hover: (length - 1 - i) % Math.max(stride, hovered) === 0,
        epoch: curve.epoch[i],
        step: curve.step[i],
        training: times(curve.train[i]),
        validation: times(curve.val[i]),
      };
      if (curve.val[i] != null) points.push({ ...point, split: "validation", y: point.validation });
      if (train && curve.train[i] != null) points.push({ ...point, split: "training", y: point.training });
    }
  }
  return points.filter(({ x }) => x != null);
}

/** Few names make a legend; of many nobody finds a line again. */
function legendFor(names) {
  if (names.length > 10) return null;
  const width = 60 + 7.2 * Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor(at("chart").clientWidth / width));
  return { title: null, orient: "bottom", direction: "horizontal", symbolType: "stroke", columns };
}

/** What is hovered over is a point's cell, whose datum is the point: Vega-Lite's own tooltip forgets that for texts. */
function tooltipFor(y) {
  const point = "(datum.datum || datum)";
  const figure = (name) =>
    `${name}: isValid(${point}.${name}) ? format(${point}.${name}, "${y === "bits" ? ".4f" : ".2f"}") : "–"`;
  const counts = `run: ${point}.run, epochs: ${point}.epoch, steps: format(${point}.step, ",")`;
  return { value: { expr: `{${counts}, ${figure("validation")}, ${figure("training")}}` } };
}

function scaleFor(log, domain) {
  return { ...(log ? { type: "log" } : { type: "linear", zero: false }), nice: !domain, ...(domain && { domain }) };
}

function curveSpec(points, x, y, options) {
  const late = points.filter((point) => point.late).map((point) => point.y);
  const range = options.late && late.length ? [Math.min(...late), Math.max(...late)] : undefined;
  const order = [...new Set(points.map(({ by }) => by))]; // runs come best first, values in their order
  if (!options.byRun) order.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const dashed = {
    field: "split",
    title: null,
    legend: options.train ? { orient: "top", symbolType: "stroke" } : null,
  };
  const hover = { type: "point", fields: ["run"], on: "pointerover", nearest: true, clear: "pointerout" };
  const hovered = { param: "hover", empty: false, value: 1 };
  const numbers = { labelExpr: "format(datum.value, '~s')", grid: false, tickCount: 8 };
  return {
    description: `Line chart of ${units[y]} against ${axes[x]}, one line a run`,
    data: { values: points },
    width: "container",
    height: 400,
    autosize: { type: "fit-x", contains: "padding" },
    encoding: {
      x: { field: "x", type: "quantitative", title: axes[x], scale: scaleFor(options.logX), axis: numbers },
      y: { field: "y", type: "quantitative", title: units[y], scale: scaleFor(options.logY, range) },
      color: { field: "by", type: "nominal", legend: legendFor(order), scale: { domain: order } },
      detail: { field: "run" },
    },
    layer: [
      {
        mark: { type: "line", clip: true, strokeWidth: options.many ? 1 : 1.8, strokeJoin: "round" },
        encoding: {
          strokeDash: { ...dashed, scale: { domain: ["validation", "training"], range: dashes } },
          opacity: { condition: [hovered, { param: "hover", value: options.many ? 0.6 : 1 }], value: 0.12 },
        },
      },
      {
        transform: [{ filter: "datum.hover" }],
        params: [{ name: "hover", select: hover }],
        mark: { type: "point", filled: true, size: 36, clip: true },
        encoding: { opacity: { condition: hovered, value: 0 }, tooltip: tooltipFor(y) },
      },
    ],
  };
}

function renderCurves() {
  const [x, y, key] = ["x-axis", "y-axis", "color"].map((id) => at(id).value);
  const runs = chosen().filter((run) => run.curve && run.curve[x].some((value) => value != null));
  const options = {
    byRun: key === "run",
    late: at("range").value === "late",
    train: at("train").checked,
    many: runs.length > 30,
    logX: at("log-x").checked,
    logY: at("log-y").checked,
  };
  const without = chosen().length - runs.length;
  const notes = [
    without ? `Without a curve: ${without} of the runs.` : "",
    options.byRun && runs.length > 10
      ? "Hover over a curve to see which run it is; with ten runs or fewer, or another coloring, there is a legend."
      : "",
  ];
  at("chart-note").textContent = notes.filter(Boolean).join(" ");
  if (!runs.length) return draw(at("chart"), null);
  const by = options.byRun ? (run) => run.label : columns.find((column) => column.key === key).value;
  return draw(at("chart"), curveSpec(curvePoints(runs, x, y, by, options.train), x, y, options));
}

function startCurves() {
  const ways = colorings();
  const many = entries.filter(isRun).length > 10;
  fill(at("color"), ways, many && ways.length > 1 ? ways[1][0] : "run");
  at("train").checked = !many;
  const known = ["images", "epoch"].find((x) => entries.some(({ curve }) => curve?.[x].some((value) => value != null)));
  at("x-axis").value = known ?? "epoch"; // older histories don't count images
  at("y-axis").value = page.unit;
  for (const id of ["x-axis", "y-axis", "color", "range", "log-y", "log-x", "train"])
    at(id).addEventListener("change", renderCurves);
  part(at("curves"), renderCurves);
}
