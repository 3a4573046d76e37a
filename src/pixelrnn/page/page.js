// Title, theme and the order in which the parts appear.
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  at("theme").textContent = dark() ? "Light theme" : "Dark theme";
  changed();
}
function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => setTheme(system.matches ? "dark" : "light");
  follow();
  at("theme").addEventListener("click", () => setTheme(dark() ? "light" : "dark"));
  system.addEventListener("change", follow);
}

at("title").textContent = page.title;
at("headline").textContent = page.headline;
at("note-list").append(...page.notes.map((note) => make("li", {}, note)));
startTheme();
startTable();
startCurves();
startResults();
startDifferences();
startPictures();
startConfigs();
startImages();
startAddress();
renderCount();
