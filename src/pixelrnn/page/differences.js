// Differences between runs, tested on the same images: everything against one reference.
const FOREST = 30; // rows that are still a picture
const verdictTexts = ["not distinguishable from noise", "", "undecided: upper bound", "undecided: too few images"];
const tested = page.differences && {
  ...page.differences,
  place: new Map(page.differences.entries.map((id, place) => [id, place])),
};
const packed = { kind: Uint8Array, seeds: Uint8Array };
for (const name of ["delta", "error", "half", "p"]) packed[name] = Float32Array;
if (tested) for (const [name, Kind] of Object.entries(packed)) tested[name] = unpack(tested[name], Kind);

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
    half: tested.half[pair],
    p: tested.p[pair],
    kind: tested.kind[pair],
    noise: tested.seeds[pair] ? `${seedsOf(one)} and ${seedsOf(other)} seeds` : `${number(page.images, 0)} images`,
    sign,
  };
}

const seedsOf = (entry) => entry.members?.length ?? 1;

const verdict = ({ kind, sign }) =>
  kind === 1 ? Array(2).fill(sign > 0 ? "worse" : "better") : [kind ? "undecided" : "noise", verdictTexts[kind]];
const interval = ({ delta, half }) => [delta - half, delta + half]; // of 95 %

function verdictRow(item, scale, digits) {
  const [kind, text] = verdict(item);
  const figure = (...content) => make("td", { class: "number" }, ...content);
  const { entry, delta, error, p } = item;
  const bound = entry.bound === "upper" ? soft(" (upper bound)") : "";
  const cells = [
    make("th", { scope: "row", title: entry.name }, entry.label, bound),
    make("td", { class: kind }, text),
    figure(signed(scale * delta, digits), soft(` ± ${number(scale * error, digits)}`)),
    figure(interval(item).map((end) => signed(scale * end, digits)).join(" to ")),
    figure(p < 1e-4 ? "< 0.0001" : number(p, 4)),
    make("td", {}, item.noise),
  ];
  return make("tr", { class: entry.kind }, ...cells);
}

function drawForest(items, scale, reference, unit) {
  const values = items.map((item) => ({
    run: item.entry.label,
    delta: scale * item.delta,
    low: scale * interval(item)[0],
    high: scale * interval(item)[1],
    verdict: verdict(item)[0],
  }));
  const description = `Differences from ${reference.label} with 95 % intervals`;
  const xTitle = unit === "bits" ? "difference, bits/dim" : "difference, nats";
  const kinds = ["better", "noise", "undecided", "worse"];
  const present = kinds.filter((kind) => values.some((item) => item.verdict === kind));
  const height = 26 * values.length;
  draw(at("forest"), filled("differences", { description, values, xTitle, present, height }));
}

function renderDifferences() {
  const reference = entries[at("reference").value];
  const unit = at("difference-unit").value;
  const [scale, digits] = unit === "bits" ? [bitsPerNat, 4] : [1, 2];
  const shown = [...grouped(chosen()), ...entries.filter(isBaseline)];
  const items = shown
    .map((entry) => difference(entry, reference))
    .filter(Boolean)
    .sort((a, b) => a.delta - b.delta);
  const head = (text, i) => make("th", { scope: "col", class: i > 1 && i < 5 ? "number" : null }, text);
  const heads = ["run", "verdict", "difference ± s.e.", "95 % interval", "p (Holm)", "noise of"].map(head);
  at("verdicts").replaceChildren(
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...items.map((item) => verdictRow(item, scale, digits))),
  );
  const runs = items.filter(({ entry }) => !isBaseline(entry)); // a baseline, far away, would squeeze the runs together
  const clear = runs.length > 0 && runs.length <= FOREST;
  if (!clear) return draw(at("forest"), null);
  drawForest(runs, scale, reference, unit);
}

function startDifferences() {
  if (!tested) {
    leaveOut("differences", "A paired test needs the NLL of each image (test_nll.npy) of at least two runs.");
    return;
  }
  at("differences-note").textContent = page.differences.note;
  const first = tested.entries.find((id) => !isBaseline(entries[id])); // the best run or group
  fill(at("reference"), tested.entries.map((id) => [id, entries[id].label]), first);
  at("difference-unit").value = page.unit;
  part(at("differences"), renderDifferences);
}
