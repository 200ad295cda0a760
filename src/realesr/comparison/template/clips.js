// Plays all visible videos together, and steps through their frames.

const player = {
  videos: [], isPlaying: false,

  attach() {
    if (!isClips) return;
    const hidden = difference ? [difference.first, difference.other] : [];
    const time = this.videos.length ? this.videos[0].currentTime : this.middle(0);
    this.videos = [...document.querySelectorAll("#stage video"), ...hidden];
    for (const video of this.videos) {
      video.currentTime = Math.min(time, this.middle(subjectNow().frames - 1));
      if (this.isPlaying) video.play().catch(() => {});
    }
    byId("seek").max = subjectNow().frames - 1;
    this.show();
    if (this.isPlaying) requestAnimationFrame(() => this.follow());
  },
  // The middle of a frame's time: at its edge, rounding could show the frame before.
  middle(frame) {
    return (frame + 0.5) / subjectNow().fps;
  },
  frame() {
    if (!this.videos.length) return 0;
    const frame = Math.floor(this.videos[0].currentTime * subjectNow().fps + 1e-6);
    return Math.min(subjectNow().frames - 1, Math.max(0, frame));
  },
  go(frame) {
    this.pause();
    const last = subjectNow().frames - 1;
    for (const video of this.videos) video.currentTime = this.middle(Math.min(last, Math.max(0, frame)));
    this.show();
  },
  step(by) {
    this.go(this.frame() + by);
  },
  toggle() {
    if (this.isPlaying) {
      this.pause();
      return;
    }
    this.isPlaying = true;
    byId("play").textContent = "Pause";
    for (const video of this.videos) video.play().catch(() => {});
    requestAnimationFrame(() => this.follow());
  },
  pause() {
    this.isPlaying = false;
    byId("play").textContent = "Play";
    const at = this.middle(this.frame());
    for (const video of this.videos) {
      video.pause();
      video.currentTime = at;
    }
  },
  // The first video leads; one that is off by more than half a frame is brought back.
  follow() {
    if (!this.isPlaying || !this.videos.length) return;
    const [first, ...others] = this.videos;
    const half = 0.5 / subjectNow().fps;
    if (first.ended) {
      for (const video of this.videos) {
        video.currentTime = this.middle(0);
        video.play().catch(() => {});
      }
    } else {
      for (const video of others) {
        if (!video.seeking && Math.abs(video.currentTime - first.currentTime) > half) video.currentTime = first.currentTime;
      }
    }
    if (difference) drawDifference();
    this.show();
    requestAnimationFrame(() => this.follow());
  },
  show() {
    byId("seek").value = this.frame();
    byId("frame-shown").textContent = `${this.frame() + 1} of ${subjectNow().frames}`;
  },
};

function listenToPlayer() {
  byId("player").hidden = !isClips;
  byId("play").addEventListener("click", () => player.toggle());
  byId("back-frame").addEventListener("click", () => player.step(-1));
  byId("next-frame").addEventListener("click", () => player.step(1));
  byId("seek").addEventListener("input", (event) => player.go(Number(event.target.value)));
}
