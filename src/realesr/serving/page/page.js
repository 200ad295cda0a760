"use strict";
// The page of the service: sends files one after the other, and shows what comes back.

const POLL_MS = 400;
const BUSY_S = 5;
const find = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const waiting = [];
let isBusy = false;

class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function authorization() {
  const token = find("token").value;
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: authorization() });
  if (!answer.ok) throw await refusal(answer.status, await answer.text());
  return answer;
}

function refusal(status, text) {
  let words = "";
  try {
    words = JSON.parse(text).detail;
  } catch {
    words = text.slice(0, 200);
  }
  if (status === 401) {
    find("token-label").hidden = false;
    find("token").focus();
    words = "Type the token of this service, and add the file again.";
  }
  return new Refused(status, words || `The service answered ${status}.`);
}

async function loadModels() {
  try {
    const { models } = await (await ask("v1/models")).json();
    find("model").replaceChildren(
      ...models.map(({ name, domain }) => new Option(`${name}: ${domain}`, name)),
    );
    find("token-label").hidden = !find("token").value;
    find("status").textContent = "";
  } catch (error) {
    find("status").textContent = error.message;
  }
}

function query() {
  const wanted = new URLSearchParams(find("size").value);
  if (find("model").value) wanted.set("model-name", find("model").value);
  return wanted;
}

function send(path, file, headers, signal, onUpload) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onUpload(event.loaded / (event.total || 1));
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Error("The service cannot be reached."));
    request.onabort = () => reject(new Error("Stopped."));
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData(); // which carries the name
    form.append("file", file, file.name || "picture.png");
    request.send(form);
  });
}

class Item {
  constructor(file) {
    this.file = file;
    this.stopping = new AbortController();
    this.options = query();
    this.ext = find("ext").value;
    const copy = find("item").content.cloneNode(true);
    this.root = copy.querySelector(".item");
    this.part(".name").textContent = file.name || "pasted picture";
    this.part(".remove").addEventListener("click", () => this.remove());
    this.state("waiting");
    this.progress(0);
    find("items").prepend(copy);
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  state(text) {
    this.part(".state").textContent = text;
  }

  progress(share) {
    const bar = this.part("progress");
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }

  remove() {
    this.stopping.abort();
    this.root.remove();
    for (const address of [this.before, this.after]) if (address) URL.revokeObjectURL(address);
    if (this.job) ask(this.job, { method: "DELETE" }).catch(() => {});
  }

  async run() {
    try {
      if (this.file.type.startsWith("video/") || this.file.type === "image/gif") await this.film();
      else await this.picture();
      this.state("done");
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.state("failed");
      this.part(".error").textContent = error.message;
      this.part(".error").hidden = false;
    }
    this.part("progress").hidden = true;
    this.part(".remove").textContent = "Remove";
  }

  async post(path, headers) {
    for (;;) {
      const signal = this.stopping.signal;
      const answer = await send(path, this.file, { ...headers, ...authorization() }, signal, (share) => {
        this.state(share < 1 ? "sending" : "waiting for its turn");
        this.progress(share < 1 ? share : null);
      });
      if (answer.status === 429) {
        this.state("the service is busy");
        await pause(1000 * (Number(answer.getResponseHeader("Retry-After")) || BUSY_S));
        if (signal.aborted) throw new Error("Stopped.");
        continue;
      }
      if (answer.status >= 400) throw refusal(answer.status, await answer.response.text());
      return answer;
    }
  }

  async picture() {
    if (this.ext) this.options.set("ext", this.ext);
    const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
    const polling = setInterval(() => this.poll(key), POLL_MS);
    let answer;
    try {
      answer = await this.post(`v1/upscale?${this.options}`, { "X-Request-Id": key });
    } finally {
      clearInterval(polling);
    }
    const name = /filename\*=UTF-8''([^;]+)/.exec(answer.getResponseHeader("Content-Disposition") || "");
    this.after = URL.createObjectURL(answer.response);
    this.offer(this.after, name ? decodeURIComponent(name[1]) : "result");
    await this.compare();
  }

  async poll(key) {
    try {
      const { state, done, total } = await (await ask(`v1/progress/${key}`)).json();
      if (state === "running" && total) {
        this.state(`${done} of ${total} tiles`);
        this.progress(done / total);
      }
    } catch {
      // it has not arrived yet, or has ended
    }
  }

  offer(address, name) {
    const link = this.part(".download");
    link.href = address;
    link.download = name;
    link.hidden = false;
  }

  async compare() {
    this.before = URL.createObjectURL(this.file);
    const images = [this.part(".before"), this.part(".after")];
    images[0].src = this.before;
    images[1].src = this.after;
    try {
      await Promise.all(images.map((image) => image.decode()));
    } catch {
      return; // a format that browsers do not show
    }
    const pair = this.part(".pair");
    pair.hidden = false;
    this.part(".pair input").addEventListener("input", (event) => {
      pair.style.setProperty("--split", `${event.target.value}%`);
    });
  }

  async film() {
    const answer = await this.post(`v1/videos?${this.options}`, {});
    let job = JSON.parse(await answer.response.text());
    this.job = `v1/videos/${job.id}`;
    while (job.state === "waiting" || job.state === "running") {
      const { frames_done: done, frames_expected: expected } = job;
      this.state(expected ? `${done} of ${expected} frames` : `${done} frames`);
      this.progress(expected ? done / expected : null);
      await pause(POLL_MS);
      if (this.stopping.signal.aborted) return;
      job = await (await ask(this.job)).json();
    }
    if (job.state !== "done") throw new Error(job.error || job.state);
    let address = `${this.job}/result`;
    if (find("token").value) {
      this.after = URL.createObjectURL(await (await ask(address)).blob());
      address = this.after;
    }
    this.offer(address, "");
    const film = this.part(".film");
    film.src = address;
    film.hidden = false;
  }
}

async function work() {
  if (isBusy) return;
  isBusy = true;
  while (waiting.length) {
    const item = waiting.shift();
    if (!item.stopping.signal.aborted) await item.run();
    const left = waiting.length;
    find("status").textContent = left ? `${left} more to do` : "All done.";
  }
  isBusy = false;
}

function add(files) {
  for (const file of files) waiting.push(new Item(file));
  work();
}

const drop = find("drop");
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => add(event.clipboardData.files));
find("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
find("options").addEventListener("submit", (event) => event.preventDefault());
find("token").addEventListener("change", () => {
  sessionStorage.setItem("token", find("token").value);
  loadModels();
});
find("token").value = sessionStorage.getItem("token") || "";
loadModels();
