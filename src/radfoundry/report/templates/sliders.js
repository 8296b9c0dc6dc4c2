for (const figure of document.querySelectorAll("figure.compare")) {
  const range = figure.querySelector("input");
  const panes = [...figure.querySelectorAll(".pane")];
  const names = panes.map((pane) => pane.querySelector("img").alt);
  const show = () => {
    const above = Math.min(Math.floor(range.value / 100) + 1, panes.length - 1);
    const share = range.value - 100 * (above - 1);
    panes.forEach((pane, n) => {
      const seen = Math.min(100, Math.max(0, range.value - 100 * (n - 1)));
      pane.style.setProperty("--seen", `${seen}%`);
    });
    range.setAttribute("aria-valuetext", `left ${share} %: ${names[above]}; the rest: ${names[above - 1]}`);
  };
  figure.classList.add("live");
  range.addEventListener("input", show);
  show();
}
