// One zoom and one center for all panes, so that they always show the same place.

const MOST_ZOOM = 40;
const camera = {
  zoom: 1, x: 0, y: 0, width: 1, height: 1, isFitted: true,

  show(subject) {
    const isSame = this.width === subject.width && this.height === subject.height;
    this.width = subject.width;
    this.height = subject.height;
    if (!isSame || this.isFitted) this.fit();
  },
  pane() {
    const pane = document.querySelector(".pane");
    return pane ? pane.getBoundingClientRect() : { width: 1, height: 1, left: 0, top: 0 };
  },
  fitting() {
    const box = this.pane();
    return Math.min(box.width / this.width, box.height / this.height);
  },
  fit() {
    this.isFitted = true;
    this.zoom = this.fitting();
    this.x = this.width / 2;
    this.y = this.height / 2;
    this.apply();
  },
  // Zooms by a factor and keeps the point under the pointer, given from the pane's center.
  zoomBy(factor, fromX = 0, fromY = 0) {
    const zoom = Math.min(MOST_ZOOM, Math.max(this.fitting() * 0.5, this.zoom * factor));
    this.x += fromX / this.zoom - fromX / zoom;
    this.y += fromY / this.zoom - fromY / zoom;
    this.zoom = zoom;
    this.isFitted = false;
    this.apply();
  },
  panBy(right, down) {
    this.x -= right / this.zoom;
    this.y -= down / this.zoom;
    this.isFitted = false;
    this.apply();
  },
  isZoomed() {
    return this.zoom > this.fitting() * 1.01;
  },
  apply() {
    this.x = Math.min(this.width, Math.max(0, this.x));
    this.y = Math.min(this.height, Math.max(0, this.y));
    for (const pane of document.querySelectorAll(".pane")) {
      const left = pane.clientWidth / 2 - this.x * this.zoom;
      const top = pane.clientHeight / 2 - this.y * this.zoom;
      const transform = `translate(${left}px, ${top}px) scale(${this.zoom})`;
      for (const each of pane.querySelectorAll(".layer > *")) each.style.transform = transform;
    }
    const percent = this.zoom * (window.devicePixelRatio || 1) * 100;
    byId("zoom-fit").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
  },
};

// Drag, wheel, pinch and double tap on the stage.
const pointers = new Map();
let draggedHandle = null;

function fromCenter(pane, event) {
  const box = pane.getBoundingClientRect();
  return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
}

function paneOf(event) {
  return event.target.closest(".pane") || document.querySelector(".pane");
}

function startDrag(event) {
  if (event.button > 0 || !event.target.closest(".pane")) return;
  byId("stage").setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, pane: paneOf(event) });
  const handle = paneOf(event).querySelector(".handle");
  const isOnHandle = event.target.classList.contains("handle");
  // With the whole image in sight there is nothing to pan: a drag anywhere moves the slider.
  draggedHandle = handle && pointers.size === 1 && (isOnHandle || !camera.isZoomed()) ? handle : null;
  if (draggedHandle) moveSplitTo(event.clientX);
  else paneOf(event).classList.add("held");
}

function drag(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
  if (others.length === 1) {
    pinch(before, others[0], event);
  } else if (draggedHandle) {
    moveSplitTo(event.clientX);
  } else {
    camera.panBy(event.clientX - before.x, event.clientY - before.y);
  }
  Object.assign(before, { x: event.clientX, y: event.clientY });
}

function pinch(before, other, event) {
  const distance = (place) => Math.hypot(place.x - other.x, place.y - other.y);
  const now = { x: event.clientX, y: event.clientY };
  const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
  camera.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  camera.zoomBy(distance(now) / Math.max(1, distance(before)), ...fromCenter(before.pane, middle));
}

function endDrag(event) {
  pointers.delete(event.pointerId);
  draggedHandle = null;
  for (const pane of document.querySelectorAll(".held")) pane.classList.remove("held");
}

function wheel(event) {
  event.preventDefault();
  camera.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), ...fromCenter(paneOf(event), event));
}

function doubleTap(event) {
  if (camera.isFitted) {
    camera.zoomBy(Math.max(2, 1 / (window.devicePixelRatio || 1) / camera.zoom), ...fromCenter(paneOf(event), event));
  } else {
    camera.fit();
  }
}

function listenToStage() {
  const stage = byId("stage");
  stage.addEventListener("pointerdown", startDrag);
  stage.addEventListener("pointermove", drag);
  stage.addEventListener("pointerup", endDrag);
  stage.addEventListener("pointercancel", endDrag);
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("dblclick", doubleTap);
  new ResizeObserver(() => {
    layOut();
    if (camera.isFitted) camera.fit();
    else camera.apply();
    placeSplit();
  }).observe(stage);
}
