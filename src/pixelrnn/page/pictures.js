// Sample grids and completions side by side, and the dialog that enlarges whatever is clicked.
const viewer = at("viewer");
let album = { items: [], place: 0 }; // what the dialog pages through

/** Largest whole factor at which a picture fits: pixels stay equal squares. */
const factor = (width, height, picture) =>
  Math.max(1, Math.floor(Math.min(width / picture.width, height / picture.height)));

function image(picture, times, label) {
  return make("img", {
    src: picture.uri,
    alt: label,
    width: picture.width * times,
    height: picture.height * times,
    decoding: "async",
  });
}

/** items: {title, caption, pictures: [{uri, width, height, label}]} or {title, body: element}. */
function openViewer(items, place) {
  album = { items, place };
  renderViewer();
  if (!viewer.open) viewer.showModal();
}
function renderViewer() {
  const { title, caption = "", pictures = [], body } = album.items[album.place];
  const wide = (innerWidth * 0.92 - 60) / Math.min(pictures.length, 4) - 16;
  const high = innerHeight * 0.94 - 190;
  const times = Math.min(...pictures.map((picture) => factor(wide, high, picture)));
  at("viewer-title").textContent = title;
  at("viewer-caption").textContent = caption;
  const panel = (picture) =>
    make("div", { class: "panel" }, image(picture, times, picture.label ?? title), picture.label ?? "");
  at("viewer-body").replaceChildren(...(body ? [body] : pictures.map(panel)));
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
  const open = () => openViewer(items, items.indexOf(item));
  const attributes = { type: "button", class: "picture", "aria-label": `Enlarge: ${item.title}`, onclick: open };
  return make("button", attributes, ...item.pictures.map(panel));
}

const legendOf = (title, figures) => make("p", {}, title, make("br"), make("span", {}, figures));

const FEW = 12; // grids that are shown at once
const kinds = { samples: "Samples", completions: "Completions" };
const kindOf = () => document.querySelector("#kinds input:checked")?.value ?? "samples";

function pictureItem(run, kind) {
  const picture = run[kind];
  const part = picture.shown < picture.total ? `the first ${picture.shown} of ${picture.total}` : `${picture.total}`;
  const what =
    kind === "samples"
      ? `${part} samples`
      : `${part} test images, each followed by ${picture.times} ways to go on from its upper half`;
  const score = run.bits_per_dim == null ? "" : `${mark(run)}${number(run.bits_per_dim, 4)} bits/dim`;
  return { title: run.label, score, caption: [what, score].filter(Boolean).join("; "), pictures: [picture] };
}

function renderGallery() {
  const kind = kindOf();
  const runs = sorted(chosen());
  const items = runs.filter((run) => run[kind]).map((run) => pictureItem(run, kind));
  const without = runs.length - items.length;
  const some = items.map(({ pictures: [{ shown, total }] }) => shown < total && `${shown} of ${total}`).filter(Boolean);
  at("pictures-note").textContent =
    (some.length ? `To keep the page small, of some runs only the first: ${some[0]}. ` : "") +
    (page.crowded ? `None of the last ${page.crowded} runs. ` : "") +
    (without > page.crowded ? `Without any: ${without} of the runs.` : "");
  const all = at("more").dataset.all === "yes";
  at("more").hidden = items.length <= FEW;
  at("more").textContent = all ? `Show only the first ${FEW}` : `Show all ${items.length}`;
  const figure = (item) => make("li", {}, thumbnails(item, items, 304, 420), legendOf(item.title, item.score));
  at("gallery").replaceChildren(...items.slice(0, all ? items.length : FEW).map(figure));
}

function startPictures() {
  const present = Object.keys(kinds).filter((kind) => entries.some((entry) => entry[kind]));
  at("kinds").append(
    ...present.map((kind, i) => {
      const input = make("input", { type: "radio", name: "kind", value: kind, onchange: renderGallery });
      input.checked = i === 0;
      return make("label", { class: "check" }, input, kinds[kind]);
    }),
  );
  if (!present.length) at("pictures-note").textContent = "No run has samples: run `pixelrnn sample`.";
  at("more").addEventListener("click", () => {
    at("more").dataset.all = at("more").dataset.all === "yes" ? "no" : "yes";
    renderGallery();
  });
  at("viewer-close").addEventListener("click", () => viewer.close());
  at("viewer-previous").addEventListener("click", () => turn(-1));
  at("viewer-next").addEventListener("click", () => turn(1));
  viewer.addEventListener("click", (event) => {
    if (event.target === viewer) viewer.close();
  });
  viewer.addEventListener("keydown", ({ key }) => turn({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0));
  if (present.length) part(at("pictures"), renderGallery);
}
