// What the page shows: the description, and the media that lie beside it as base64.

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("data").textContent);
const isClips = page.kind === "clips";
const urls = new Map();

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A video is a blob, because not every browser can seek in a data address.
function addressOf(view) {
  if (!urls.has(view.media)) {
    const text = byId(view.media).textContent;
    urls.set(view.media, isClips ? blobAddress(view.mime, text) : `data:${view.mime};base64,${text}`);
  }
  return urls.get(view.media);
}

function blobAddress(mime, text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return URL.createObjectURL(new Blob([bytes], { type: mime }));
}

function makeMedium(subject, view) {
  const medium = make(isClips ? "video" : "img", { draggable: false });
  if (isClips) Object.assign(medium, { muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
  else medium.alt = view.name ? `${subject.name}, ${view.name}` : subject.name;
  medium.style.width = `${subject.width}px`;
  medium.style.height = `${subject.height}px`;
  medium.src = addressOf(view);
  return medium;
}

function isReady(medium) {
  return isClips ? medium.readyState >= 2 : medium.complete && medium.naturalWidth > 0;
}

// Calls back when a medium can be drawn, and for a video whenever its frame has changed.
function onDrawable(medium, act) {
  if (isClips) for (const event of ["loadeddata", "seeked"]) medium.addEventListener(event, act);
  else medium.addEventListener("load", act);
  if (isReady(medium)) act();
}

function tell(text) {
  byId("status").textContent = text;
}
