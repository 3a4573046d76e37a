// Two runs on single test images: where they differ most, and which pixels cost how much under each.
const CARDS = 8; // each way
const scored = page.scores;
const ids =
  scored && (scored.ids ? unpack(scored.ids, Int32Array) : Int32Array.from({ length: page.images }, (_, i) => i));
const pictured = page.pictured && {
  ...page.pictured,
  place: new Map(Array.from(unpack(page.pictured.ids, Int32Array), (id, i) => [id, i])),
};
const [depth, rows, across] = page.shape;

/** Nats of every embedded image under a run. */
function scoresOf(entry) {
  return (entry.decoded ??= Float64Array.from(unpack(entry.scores, Uint16Array), (value) => (scored.least ?? 0) + value * scored.scale));
}
function mapOf(entry, id) {
  if (!entry.maps || !pictured.place.has(id)) return null;
  entry.pixels ??= unpack(entry.maps, Uint8Array);
  const start = pictured.place.get(id) * rows * across;
  return entry.pixels.subarray(start, start + rows * across); // 255: `pictured.most` nats
}

/** A picture of rows x across pixels; `paint(k)` gives the [r, g, b] of the k-th. */
function paintPicture(paint, label) {
  const canvas = make("canvas", { width: across, height: rows });
  const context = canvas.getContext("2d");
  const data = context.createImageData(across, rows);
  for (let k = 0; k < rows * across; k++) data.data.set([...paint(k), 255], 4 * k);
  context.putImageData(data, 0, 0);
  return { uri: canvas.toDataURL(), width: across, height: rows, label };
}
/** Colors of the maps, dark to bright, and of their difference: A is better, the same, B is better. */
const ramps = {
  cost: ["06041c", "51127c", "b73779", "fc8961", "fcfdbf"].map(rgb),
  light: ["235faf", "8cb9e1", "f6f6f6", "f0a569", "b94b0a"].map(rgb), // no difference is the color of the page
  dark: ["6eb4ff", "375f91", "1e2228", "965528", "ff964b"].map(rgb),
};
const differenceRamp = () => (dark() ? ramps.dark : ramps.light);
function rgb(hex) {
  return [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16));
}
function shade(ramp, value) {
  const place = Math.max(0, Math.min(1, value)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(place));
  return ramp[low].map((start, i) => start + (place - low) * (ramp[low + 1][i] - start));
}

function testImage(id) {
  if (!pictured.images || !pictured.place.has(id)) return null;
  pictured.bytes ??= unpack(pictured.images, Uint8Array);
  const size = rows * across;
  const start = pictured.place.get(id) * depth * size;
  const level = (color, k) => (255 * pictured.bytes[start + (color % depth) * size + k]) / (page.levels - 1);
  return paintPicture((k) => [level(0, k), level(1, k), level(2, k)], "image");
}

function card(a, b, i) {
  const id = ids[i];
  const [one, other] = [scoresOf(a)[i], scoresOf(b)[i]];
  const [left, right] = [mapOf(a, id), mapOf(b, id)];
  const cost = (map, label) => map && paintPicture((k) => shade(ramps.cost, map[k] / 255), label);
  const more = (k) => shade(differenceRamp(), 0.5 + (left[k] - right[k]) / 255);
  const panels = [testImage(id), cost(left, "A"), cost(right, "B"), left && right && paintPicture(more, "A − B")];
  const caption = `A ${number(one, 1)}, B ${number(other, 1)}, A − B ${signed(one - other, 1)} nats`;
  return { title: `Test image ${id}`, caption, pictures: panels.filter(Boolean) };
}

/** Places in `ids`, the highest score first: of those that have a picture; and which of the very first have none. */
function ranked(score, count) {
  const positive = Array.from(ids, (_, i) => i).filter((i) => score(i) > 0);
  const order = positive.sort((i, j) => score(j) - score(i));
  const present = (i) => pictured?.place.has(ids[i]);
  return { shown: order.filter(present).slice(0, count), absent: order.slice(0, count).filter((i) => !present(i)) };
}

function cardGroups(a, b, which) {
  const [one, other] = [scoresOf(a), scoresOf(b)];
  const most = one.reduce((high, value) => Math.max(high, value)) + 1;
  if (which === "unlikely") return [[`Least likely under A, ${a.label}`, ranked((i) => one[i], 2 * CARDS)]];
  if (which === "likely") return [[`Most likely under A, ${a.label}`, ranked((i) => most - one[i], 2 * CARDS)]];
  return [
    [`A is better: ${a.label}`, ranked((i) => other[i] - one[i], CARDS)],
    [`B is better: ${b.label}`, ranked((i) => one[i] - other[i], CARDS)],
  ];
}

function renderImages() {
  const [a, b] = ["run-a", "run-b"].map((id) => entries[at(id).value]);
  const groups = cardGroups(a, b, at("which").value).map(([heading, { shown, absent }]) => {
    return { heading, items: shown.map((i) => card(a, b, i)), absent };
  });
  const all = groups.flatMap(({ items }) => items); // the dialog pages through both groups
  const figure = (item) => make("figure", {}, thumbnails(item, all, 98, 98), legendOf(item.title, item.caption));
  const told = (i) => `${ids[i]} (A ${number(scoresOf(a)[i], 1)}, B ${number(scoresOf(b)[i], 1)})`;
  const without = pictured ? "Further up, but without a picture in this page" : "Images by number";
  const group = ({ heading, items, absent }) => [
    make("h3", { class: "cards-heading" }, heading),
    make("p", { class: "hint" }, absent.length ? `${without}: ${absent.map(told).join(", ")}.` : ""),
    make("div", { class: "cards" }, ...items.map(figure)),
  ];
  at("cards").replaceChildren(...groups.flatMap(group));
  renderLegend();
}

function renderLegend() {
  const most = pictured?.most ?? 0;
  const least = pictured?.least ?? 0;
  const half = number(most / 2, 2);
  const bar = (ramp, from, to) => {
    const style = `background: linear-gradient(to right, ${ramp.map((color) => `rgb(${color})`).join(", ")})`;
    return make("span", {}, from, make("i", { style }), to);
  };
  const cost = bar(ramps.cost, `A and B: ${least ? number(least, 2) : 0}`, `${number(least + most, 2)} nats a pixel or more`);
  const more = bar(differenceRamp(), `A − B: −${half}, A is better`, `+${half} nats a pixel, B is better`);
  at("legend").replaceChildren(...(entries.some(({ maps }) => maps) ? [cost, more] : []));
}

function startImages() {
  const able = entries.filter((entry) => entry.scores);
  if (able.length < 2) {
    leaveOut("images", "This needs the NLL of each image (test_nll.npy) of at least two runs.");
    return;
  }
  const options = able.map((entry) => [entries.indexOf(entry), entry.label]);
  const [first, second] = [...new Set([...options.filter(([id]) => isRun(entries[id])), ...options])];
  fill(at("run-a"), options, first[0]);
  fill(at("run-b"), options, second[0]); // a baseline, where there is but one run
  at("images-note").textContent = scored.note;
  part(at("images"), renderImages);
}
