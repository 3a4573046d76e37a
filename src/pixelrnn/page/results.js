// The NLL against what may explain it: one key at a time with its Pareto front, or all keys at once.
function renderResults() {
  const y = columnOf(at("result-nll").value);
  const x = columns.find(({ key }) => key === at("result-key").value);
  const shown = grouped(chosen()).filter((entry) => y.value(entry) != null && (!x || x.value(entry) != null));
  at("front").parentElement.hidden = !x?.cost;
  at("result-options").hidden = !x;
  if (!shown.length) return draw(at("results-chart"), null);
  const values = x ? resultValues(shown, x, y) : parallelValues(shown);
  draw(at("results-chart"), filled(x ? "results" : "parallel", values));
}

function resultValues(shown, x, y) {
  const by = columns.find((column) => column.key === at("result-color").value)?.value ?? (() => "runs");
  const points = shown.map((entry) => {
    const [nll, error] = [y.value(entry), entry[`${y.field}_se`] ?? 0];
    const ends = { low: nll - error, high: nll + error };
    return { run: entry.label, x: x.value(entry), y: nll, ...ends, by: String(by(entry) ?? "–") };
  });
  const order = ordered(points.map((point) => point.by));
  return {
    description: `NLL against ${x.label}, one point a run`,
    values: points,
    params: x.numeric ? page.charts.zoom : undefined,
    nameOpacity: points.length <= 12 ? 1 : 0,
    frontOpacity: x.cost && at("front").checked ? 1 : 0,
    xTitle: x.label,
    yTitle: y.label,
    xType: x.numeric ? "quantitative" : "nominal",
    xScale: x.numeric ? { ...scaleFor(x.log), nice: false, padding: 20 } : undefined,
    sort: x.numeric ? undefined : ordered(points.map((point) => point.x)),
    order,
    legend: order.length > 1 ? legendFor(order, "results-chart") : null,
  };
}

function parallelValues(shown) {
  const names = new Set(shown.map(({ label }) => label));
  const values = page.parallel.values.filter(({ line }) => names.has(line));
  const description = "Every run as a line across the values of its keys";
  return { ...page.parallel, description, values, reverse: dark() };
}

function startResults() {
  const keys = columns.filter(({ explains }) => explains);
  if (!keys.length) {
    leaveOut("results", "This needs at least two runs that differ and were evaluated.");
    return;
  }
  const options = keys.map(({ key, label }) => [key, label]);
  const first = keys.find(({ cost }) => cost) ?? keys.at(-1);
  fill(at("result-key"), keys.length > 2 ? [...options, ["", "all keys at once"]] : options, first.key);
  fill(at("result-nll"), columns.filter(({ nll }) => nll).map(({ key, label }) => [key, label]), page.unit);
  fill(at("result-color"), [...colorings, ["", "none"]]);
  part(at("results"), renderResults);
}
