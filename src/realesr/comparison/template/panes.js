// The stage: a slider over two views, all views side by side, or the difference of two.

const state = { subject: 0, mode: "slider", left: 0, right: 1, split: 0.5, gain: 8 };
const subjectNow = () => page.subjects[state.subject];

function nameOf(index) {
  return labels ? labels[index] : subjectNow().views[index].name;
}

function tag(text, side) {
  return make("span", { className: `tag ${side}`, textContent: text });
}

function paneOfView(index, side = "left wide") {
  const layer = make("div", { className: "layer" }, makeMedium(subjectNow(), subjectNow().views[index]));
  return make("div", { className: "pane" }, layer, tag(nameOf(index), side));
}

function makeSlider() {
  const pane = paneOfView(state.left, "left");
  const above = paneOfView(state.right).querySelector(".layer");
  above.classList.add("above");
  const handle = make("div", { className: "handle", tabIndex: 0 });
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-label", `${nameOf(state.left)} to the left, ${nameOf(state.right)} to the right`);
  handle.setAttribute("aria-valuemin", "0");
  handle.setAttribute("aria-valuemax", "100");
  pane.insertBefore(above, pane.querySelector(".tag"));
  pane.append(tag(nameOf(state.right), "right"), handle);
  return [pane];
}

function makeGrid() {
  return shownViews().map((index) => paneOfView(index));
}

function makeDifference() {
  const pane = paneOfView(state.left);
  const other = makeMedium(subjectNow(), subjectNow().views[state.right]);
  const first = pane.querySelector(".layer > *");
  const { width, height } = canvasSize(subjectNow());
  const canvas = make("canvas", { width, height });
  canvas.style.width = `${subjectNow().width}px`;
  canvas.style.height = `${subjectNow().height}px`;
  first.replaceWith(canvas);
  pane.querySelector(".tag").textContent = `|${nameOf(state.left)} − ${nameOf(state.right)}|`;
  difference = { first, other, canvas };
  onDrawable(first, drawDifference);
  onDrawable(other, drawDifference);
  return [pane];
}

// A canvas of more pixels than this is slow, and some browsers refuse it.
const MOST_PIXELS = 24e6;
let difference = null;

function canvasSize({ width, height }) {
  const factor = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

function drawDifference() {
  if (!difference || !isReady(difference.first) || !isReady(difference.other)) return;
  const { canvas } = difference;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const read = (medium) => {
    context.drawImage(medium, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  };
  const a = read(difference.first);
  const b = read(difference.other).data;
  const pixels = a.data;
  let absolute = 0;
  let squared = 0;
  let most = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    for (let c = i; c < i + 3; c += 1) {
      const d = Math.abs(pixels[c] - b[c]);
      absolute += d;
      squared += d * d;
      if (d > most) most = d;
      pixels[c] = d * state.gain;
    }
  }
  context.putImageData(a, 0, 0);
  const count = (pixels.length / 4) * 3;
  const psnr = squared ? `${(10 * Math.log10((255 * 255 * count) / squared)).toFixed(2)} dB PSNR` : "equal";
  tell(`Difference times ${state.gain}: mean ${(absolute / count).toFixed(2)}, largest ${most} of 255 levels, ${psnr}`);
}

// Fills the stage anew.
function render() {
  const stage = byId("stage");
  const wasOnHandle = document.activeElement && document.activeElement.classList.contains("handle");
  difference = null;
  tell("");
  const builders = { slider: makeSlider, grid: makeGrid, difference: makeDifference };
  stage.replaceChildren(...builders[state.mode]());
  layOut();
  camera.show(subjectNow());
  camera.apply();
  placeSplit();
  if (wasOnHandle && stage.querySelector(".handle")) stage.querySelector(".handle").focus();
  player.attach();
  showControls();
}

// As many columns as make the images largest.
function layOut() {
  const stage = byId("stage");
  const count = stage.children.length || 1;
  const ratio = subjectNow().width / subjectNow().height;
  let best = [0, 1];
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const zoom = Math.min(stage.clientWidth / columns / ratio, stage.clientHeight / rows);
    if (zoom > best[0]) best = [zoom, columns];
  }
  stage.style.gridTemplateColumns = `repeat(${best[1]}, minmax(0, 1fr))`;
  stage.style.gridAutoRows = "minmax(0, 1fr)";
}

function placeSplit() {
  const handle = document.querySelector(".handle");
  if (!handle) return;
  const percent = state.split * 100;
  handle.style.left = `${percent}%`;
  handle.setAttribute("aria-valuenow", String(Math.round(percent)));
  document.querySelector(".above").style.clipPath = `inset(0 0 0 ${percent}%)`;
}

function moveSplit(to) {
  state.split = Math.min(1, Math.max(0, to));
  placeSplit();
}

function moveSplitTo(clientX) {
  const box = camera.pane();
  moveSplit((clientX - box.left) / box.width);
}
