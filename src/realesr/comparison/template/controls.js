// Buttons, lists, keys, and the start of the page.

function setMode(mode) {
  state.mode = mode;
  render();
  if (isBlind && !isRevealed) questions.showAnswers();
}

function setSubject(index) {
  const count = page.subjects.length;
  state.subject = (index + count) % count;
  const views = subjectNow().views.length;
  state.left = Math.min(state.left, views - 1);
  state.right = Math.min(state.right, views - 1);
  render();
}

function setSide(side, index) {
  if (index >= subjectNow().views.length) return;
  state[side] = index;
  if (state.mode === "grid") state.mode = "slider";
  render();
}

function swap() {
  [state.left, state.right] = [state.right, state.left];
  render();
}

function setGain(exponent) {
  state.gain = 2 ** exponent;
  byId("gain").value = exponent;
  byId("gain-shown").textContent = state.gain;
  drawDifference();
}

function showControls() {
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === state.mode));
    button.hidden = !isRevealed && button.dataset.mode === "difference";
  }
  byId("sides").hidden = !isRevealed || state.mode === "grid";
  byId("gain-group").hidden = state.mode !== "difference";
  byId("image-group").hidden = !isRevealed || page.subjects.length < 2;
  byId("open-table").hidden = !isRevealed;
  byId("image").value = state.subject;
  byId("left").value = state.left;
  byId("right").value = state.right;
}

function showLists() {
  const option = (text, value) => make("option", { textContent: text, value });
  byId("image").replaceChildren(...page.subjects.map((subject, index) => option(subject.name, index)));
  for (const side of ["left", "right"]) {
    const names = subjectNow().views.map((view, index) => option(`${index + 1} ${view.name}`, index));
    byId(side).replaceChildren(...names);
  }
}

function showTable() {
  const cells = (tag, texts) => texts.map((text, index) => make(tag, { textContent: text, className: index > 1 ? "number" : "" }));
  const head = make("thead", {}, make("tr", {}, ...cells("th", ["Image", "View", "px", "kB", "seconds"])));
  const rows = page.subjects.flatMap((subject) => subject.views.map((view) => make("tr", {}, ...cells("td", [
    subject.name, view.name, `${view.width}×${view.height}`, (view.bytes / 1000).toFixed(0),
    view.seconds === null ? "–" : view.seconds.toFixed(2),
  ]))));
  byId("table").replaceChildren(head, make("tbody", {}, ...rows));
  byId("table-dialog").showModal();
}

const KEYS = [
  ["← → ↑ ↓", "pan when zoomed in; else ← → other image"], ["+ −", "zoom"], ["0 f", "fit"],
  ["1 … 9", "view on the right side"], ["Shift 1 … 9", "view on the left side"],
  ["s g d", "slider, side by side, difference"], ["x", "exchange the sides"],
  ["Shift ← →", "move the slider"], ["n p", "next, previous image"], ["a", "show pixels"],
];
const CLIP_KEYS = [["Space", "play, pause"], [", .", "one frame back, on"]];
const BLIND_KEYS = [["1 … 5", "answer"], ["1 0 2", "left, no difference, right"]];

function showKeys() {
  const all = [...(isRevealed ? [] : BLIND_KEYS), ...KEYS, ...(isClips ? CLIP_KEYS : [])];
  byId("keys").replaceChildren(...all.map(([keys, action]) =>
    make("tr", {}, make("td", {}, make("kbd", { textContent: keys })), make("td", { textContent: action }))));
  byId("keys-dialog").showModal();
}

function togglePixels() {
  const isOn = byId("stage").classList.toggle("pixelated");
  byId("pixels").setAttribute("aria-pressed", String(isOn));
}

function arrow(event) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const isOnHandle = document.activeElement && document.activeElement.classList.contains("handle");
  if (state.mode === "slider" && (event.shiftKey || isOnHandle)) moveSplit(state.split + 0.02 * (right - down));
  else if (camera.isZoomed()) camera.panBy(-60 * right, -60 * down);
  else if (right && isRevealed) setSubject(state.subject + right);
}

function digit(event) {
  const number = Number(event.code.replace(/^(Digit|Numpad)/, ""));
  if (isBlind && !isRevealed) {
    const isPair = page.blind.ask === "pairs";
    const answer = isPair ? ["none", "left", "right"][number] : number >= 1 && number <= 5 ? number : undefined;
    if (answer !== undefined) questions.answer(answer);
  } else if (number === 0) {
    camera.fit();
  } else {
    setSide(event.shiftKey ? "left" : "right", number - 1);
  }
}

const ACTIONS = {
  "+": () => camera.zoomBy(1.25), "=": () => camera.zoomBy(1.25), "-": () => camera.zoomBy(0.8),
  f: () => camera.fit(), s: () => setMode("slider"), g: () => setMode("grid"),
  d: () => isRevealed && setMode("difference"), x: () => isRevealed && swap(), a: togglePixels,
  n: () => isRevealed && setSubject(state.subject + 1), p: () => isRevealed && setSubject(state.subject - 1),
  " ": () => isClips && player.toggle(), ",": () => isClips && player.step(-1), ".": () => isClips && player.step(1),
  "?": showKeys,
};

function key(event) {
  const isTyping = event.target.matches("input, select, dialog *");
  const isPressing = event.key === " " && event.target.matches("button");
  if (isTyping || isPressing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (/^(Digit|Numpad)\d$/.test(event.code)) digit(event);
  else if (event.key.startsWith("Arrow")) arrow(event);
  else if (ACTIONS[event.key]) ACTIONS[event.key]();
  else return;
  event.preventDefault();
}

function listen() {
  const onClick = (id, act) => byId(id).addEventListener("click", act);
  onClick("previous", () => setSubject(state.subject - 1));
  onClick("next", () => setSubject(state.subject + 1));
  onClick("swap", swap);
  onClick("zoom-in", () => camera.zoomBy(1.25));
  onClick("zoom-out", () => camera.zoomBy(0.8));
  onClick("zoom-fit", () => camera.fit());
  onClick("pixels", togglePixels);
  onClick("open-table", showTable);
  onClick("open-keys", showKeys);
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  byId("image").addEventListener("change", (event) => setSubject(Number(event.target.value)));
  for (const side of ["left", "right"]) {
    byId(side).addEventListener("change", (event) => setSide(side, Number(event.target.value)));
  }
  byId("gain").addEventListener("input", (event) => setGain(Number(event.target.value)));
  document.addEventListener("keydown", key);
  listenToStage();
  listenToPlayer();
  listenToQuestions();
}

listen();
if (isBlind) {
  state.mode = "grid";
  questions.start();
} else {
  state.right = subjectNow().views.length - 1;
  showLists();
  render();
}
