// Differences between runs, tested on the same images: everything against one reference.
const FOREST = 30; // rows that are still a picture
const verdictTexts = ["not distinguishable from noise", "", "undecided: upper bound", "undecided: too few images"];
const tested = page.differences && {
  ...page.differences,
  place: new Map(page.differences.entries.map((id, place) => [id, place])),
  delta: unpack(page.differences.delta, Float32Array),
  error: unpack(page.differences.error, Float32Array),
  p: unpack(page.differences.p, Float32Array),
  kind: unpack(page.differences.kind, Uint8Array),
};

/** What the NLL of `one` is above that of `other`, in nats; null if they were not tested. */
function difference(one, other) {
  const places = [one, other].map((entry) => tested.place.get(entries.indexOf(entry)));
  if (places.includes(undefined) || one === other) return null;
  const [i, j] = [...places].sort((a, b) => a - b);
  const n = tested.entries.length;
  const pair = i * n - (i * (i + 1)) / 2 + (j - i - 1); // pairs i < j, row by row; i has the lower NLL
  const sign = places[0] > places[1] ? 1 : -1;
  return {
    entry: one,
    delta: sign * tested.delta[pair],
    error: tested.error[pair],
    p: tested.p[pair],
    kind: tested.kind[pair],
    sign,
  };
}

function verdict({ kind, sign }) {
  if (kind === 1) return sign > 0 ? ["worse", "worse"] : ["better", "better"];
  return [kind === 0 ? "noise" : "undecided", verdictTexts[kind]];
}
const interval = ({ delta, error }) => [delta - 1.96 * error, delta + 1.96 * error]; // of 95 %

function verdictRow(item, scale, digits) {
  const [kind, text] = verdict(item);
  const figure = (...content) => make("td", { class: "number" }, ...content);
  const { entry, delta, error, p } = item;
  return make(
    "tr",
    { class: entry.kind },
    make("th", { scope: "row", title: entry.name }, entry.label, entry.bound === "upper" ? soft(" (upper bound)") : ""),
    make("td", { class: kind }, text),
    figure(signed(scale * delta, digits), soft(` ± ${number(scale * error, digits)}`)),
    figure(
      interval(item)
        .map((end) => signed(scale * end, digits))
        .join(" to "),
    ),
    figure(p < 1e-4 ? "< 0.0001" : number(p, 4)),
  );
}

function forestSpec(items, scale, reference, unit) {
  const values = items.map((item) => ({
    run: item.entry.label,
    delta: scale * item.delta,
    low: scale * interval(item)[0],
    high: scale * interval(item)[1],
    verdict: verdict(item)[0],
  }));
  const shades = { better: color("good"), noise: color("soft"), undecided: color("warn"), worse: color("bad") };
  const present = Object.keys(shades).filter((kind) => values.some(({ verdict }) => verdict === kind));
  const scaleOfKinds = { domain: present, range: present.map((kind) => shades[kind]) };
  const hue = { field: "verdict", type: "nominal", scale: scaleOfKinds, legend: { orient: "top", title: null } };
  const names = { labelLimit: 170, ticks: false, domain: false };
  const y = { field: "run", type: "nominal", sort: null, title: null, axis: names };
  const title = unit === "bits" ? "difference, bits/dim" : "difference, nats";
  const x = (field) => ({ field, type: "quantitative", title, axis: { tickCount: 5 } });
  const text = (field) => ({ field, type: "nominal" });
  const figures = ["delta", "low", "high"].map((field) => ({ field, type: "quantitative", format: "+.4f" }));
  return {
    description: `Differences from ${reference.label} with 95 % intervals`,
    data: { values },
    width: "container",
    height: 26 * values.length,
    autosize: { type: "fit-x", contains: "padding" },
    layer: [
      { mark: { type: "rule", color: color("strong"), strokeDash: [3, 3] }, encoding: { x: { datum: 0 } } },
      { mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: x("low"), x2: { field: "high" }, color: hue } },
      {
        mark: { type: "point", filled: true, size: 60, opacity: 1 },
        encoding: { y, x: x("delta"), color: hue, tooltip: [text("run"), ...figures, text("verdict")] },
      },
    ],
  };
}

function renderDifferences() {
  const reference = entries[at("reference").value];
  const unit = at("difference-unit").value;
  const [scale, digits] = unit === "bits" ? [bitsPerNat, 4] : [1, 2];
  const shown = [...chosen(), ...entries.filter((entry) => !isRun(entry))];
  const items = shown
    .map((entry) => difference(entry, reference))
    .filter(Boolean)
    .sort((a, b) => a.delta - b.delta);
  const head = (text, i) => make("th", { scope: "col", class: i > 1 ? "number" : null }, text);
  const heads = ["run", "verdict", "difference ± s.e.", "95 % interval", "p (Holm)"].map(head);
  at("verdicts").replaceChildren(
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...items.map((item) => verdictRow(item, scale, digits))),
  );
  const runs = items.filter(({ entry }) => isRun(entry)); // a baseline, far away, would squeeze the runs together
  const clear = runs.length > 0 && runs.length <= FOREST;
  draw(at("forest"), clear ? forestSpec(runs, scale, reference, unit) : null);
}

function startDifferences() {
  if (!tested) {
    leaveOut("differences", "A paired test needs the NLL of each image (test_nll.npy) of at least two runs.");
    return;
  }
  const [images, pairs] = [page.images, tested.kind.length].map((count) => number(count, 0));
  at("differences-note").textContent =
    `NLL of each run minus that of the reference; negative is better. Standard errors are paired: the same ${images} ` +
    `images, image by image. p values are corrected for all ${pairs} pairs (Holm), and a verdict is given below 0.05. ` +
    `Noise is the choice of test images; another training seed adds its own.`;
  const first = tested.entries.find((id) => isRun(entries[id])); // the best run
  fill(
    at("reference"),
    tested.entries.map((id) => [id, entries[id].label]),
    first,
  );
  at("difference-unit").value = page.unit;
  for (const id of ["reference", "difference-unit"]) at(id).addEventListener("change", renderDifferences);
  part(at("differences"), renderDifferences);
}
