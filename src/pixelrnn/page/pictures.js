// Sample grids and completions side by side, and the dialog that enlarges whatever is clicked.
const viewer = at("viewer");
let album = { items: [], place: 0 }; // what the dialog pages through

/** Largest whole factor at which a picture fits: pixels stay equal squares. */
const factor = (width, height, picture) =>
  Math.max(1, Math.floor(Math.min(width / picture.width, height / picture.height)));

function image(picture, times, label) {
  const size = { width: picture.width * times, height: picture.height * times };
  return make("img", { src: picture.uri, alt: label, ...size, decoding: "async" });
}

/** items: {title, caption, pictures: [{uri, width, height, label}]}. */
function openViewer(items, place) {
  album = { items, place };
  renderViewer();
  if (!viewer.open) viewer.showModal();
}
function renderViewer() {
  const { title, caption, pictures } = album.items[album.place];
  const wide = (innerWidth * 0.92 - 60) / Math.min(pictures.length, 4) - 16;
  const high = innerHeight * 0.94 - 190;
  const times = Math.min(...pictures.map((picture) => factor(wide, high, picture)));
  at("viewer-title").textContent = title;
  at("viewer-caption").textContent = caption;
  const panel = (picture) =>
    make("div", { class: "panel" }, image(picture, times, picture.label ?? title), picture.label ?? "");
  at("viewer-body").replaceChildren(...pictures.map(panel));
  for (const [id, step] of Object.entries({ "viewer-previous": -1, "viewer-next": 1 })) {
    at(id).hidden = album.items.length < 2;
    at(id).disabled = !album.items[album.place + step];
  }
}
function turn(step) {
  if (!album.items[album.place + step]) return;
  album.place += step;
  renderViewer();
}

function thumbnails(item, items, width, height) {
  const times = Math.min(...item.pictures.map((picture) => factor(width, height, picture)));
  const panel = (picture) => make("span", { class: "panel" }, image(picture, times, ""), picture.label ?? "");
  const onclick = () => openViewer(items, items.indexOf(item));
  const attributes = { type: "button", class: "picture", "aria-label": `Enlarge: ${item.title}`, onclick };
  return make("button", attributes, ...item.pictures.map(panel));
}
const legendOf = (title, text) => make("p", {}, title, make("br"), make("span", {}, text));

const FEW = 12; // grids that are shown at once

function pictureItem(title, picture, score) {
  const { shown, total, times } = picture;
  const part = shown < total ? `the first ${shown} of ${total}` : total;
  const more = times ? `test images, each followed by ${times} ways to go on from its upper half` : "images";
  const label = times ? "Left: the original. Above the line: what was given." : null;
  return { title, score, caption: `${part} ${more}; ${score}`, pictures: [{ ...picture, label }] };
}
function renderGallery() {
  const kind = at("kind").value;
  const runs = sorted(chosen());
  const drawn = runs.filter((run) => run[kind]);
  const nll = (run) => (run.bits_per_dim == null ? "" : `${mark(run)}${number(run.bits_per_dim, 4)} bits/dim`);
  const epoch = kind === "samples" && epochs[at("epoch").value];
  at("epoch").parentElement.hidden = kind !== "samples" || !epochs.length;
  at("epoch-name").textContent = epoch ? `epoch ${epoch}` : "the best epoch";
  const grid = (run) => epoch && run.grids?.findLast((drawn) => drawn.epoch <= epoch);
  const item = (run) =>
    grid(run) ? pictureItem(run.label, grid(run), `after epoch ${grid(run).epoch}`) : pictureItem(run.label, run[kind], nll(run));
  const items = drawn.map(item);
  if (page.real && kind === "samples") items.unshift(pictureItem("Test images", page.real, "real ones, to judge by"));
  const without = runs.length - drawn.length;
  at("pictures-note").textContent =
    (page.crowded ? `To keep the page small, none of the last ${page.crowded} runs. ` : "") +
    (without > page.crowded ? `Without any: ${without} of the runs.` : "");
  at("all").parentElement.hidden = items.length <= FEW;
  const wide = at("gallery").clientWidth;
  const across = Math.max(1, Math.min(items.length, Math.round(wide / 420)));
  at("gallery").style.setProperty("--across", across);
  const figure = (item) =>
    make("li", {}, thumbnails(item, items, wide / across - 20, 0.8 * innerHeight), legendOf(item.title, item.score));
  at("gallery").replaceChildren(...items.slice(0, at("all").checked ? items.length : FEW).map(figure));
}

const epochs = [...new Set(entries.flatMap((run) => run.grids ?? []).map((grid) => grid.epoch))].sort((a, b) => a - b);

function startPictures() {
  at("viewer-previous").addEventListener("click", () => turn(-1));
  at("viewer-next").addEventListener("click", () => turn(1));
  viewer.addEventListener("keydown", ({ key }) => turn({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0));
  const present = [...at("kind").options].filter(({ value }) => entries.some((entry) => entry[value]));
  fill(at("kind"), present.map(({ value, text }) => [value, text]), present[0]?.value);
  at("epoch").max = epochs.length; // the last place is that of the finished model
  at("epoch").value = epochs.length;
  at("epoch").addEventListener("input", renderGallery);
  if (!present.length) return leaveOut("pictures", "No run has samples: run `pixelrnn sample`.");
  part(at("pictures"), renderGallery);
}
