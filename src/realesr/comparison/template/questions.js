// Blind rating: questions without names, answers that this browser keeps, and their export.

const isBlind = Boolean(page.blind);
const GRADES = [[5, "Excellent"], [4, "Good"], [3, "Fair"], [2, "Poor"], [1, "Bad"]];
const PREFERENCES = [["left", "Left is better", "1"], ["none", "No difference", "0"], ["right", "Right is better", "2"]];
let labels = null;
let isRevealed = !isBlind;

const questions = {
  now: 0, answers: {}, shownAt: 0, canKeep: true,
  place: `realesr-comparison-${page.id}`,

  task() {
    return page.blind.tasks[this.now];
  },
  start() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.place) || "null");
      if (kept) {
        this.answers = kept.answers;
        byId("rater").value = kept.rater;
      }
      localStorage.setItem(this.place, JSON.stringify(this.kept()));
    } catch (error) {
      this.canKeep = false;
    }
    const open = page.blind.tasks.findIndex((_, index) => !this.answers[index]);
    this.show(open < 0 ? 0 : open);
  },
  kept() {
    return { rater: byId("rater").value, answers: this.answers };
  },
  keep() {
    if (!this.canKeep) return;
    try {
      localStorage.setItem(this.place, JSON.stringify(this.kept()));
    } catch (error) {
      this.canKeep = false;
    }
  },
  show(index) {
    this.now = Math.min(page.blind.tasks.length - 1, Math.max(0, index));
    const task = this.task();
    state.subject = task.subject;
    if (page.blind.ask === "pairs") {
      [state.left, state.right] = [task.left, task.right];
      labels = { 0: "Input", [task.left]: "Left", [task.right]: "Right" };
    } else {
      [state.left, state.right] = [0, task.view];
      labels = { 0: "Input", [task.view]: "Result" };
    }
    this.shownAt = Date.now();
    render();
    this.showAnswers();
  },
  showAnswers() {
    const isPair = page.blind.ask === "pairs";
    const done = Object.keys(this.answers).length;
    const total = page.blind.tasks.length;
    const text = isPair ? "Which one is better?" : "How good is the result?";
    byId("question-text").textContent = `${this.now + 1} of ${total}: ${text}`;
    const choices = isPair ? PREFERENCES : GRADES.map(([grade, word]) => [grade, word, String(grade)]);
    const given = this.answers[this.now] && this.answers[this.now].answer;
    byId("answers").replaceChildren(...choices.map(([answer, word, key]) => {
      const button = make("button", { type: "button", textContent: `${word} (${key})` });
      button.setAttribute("aria-pressed", String(answer === given));
      button.addEventListener("click", () => this.answer(answer));
      return button;
    }));
    byId("question-back").disabled = this.now === 0;
    byId("question-on").disabled = this.now === total - 1;
    byId("question-on").textContent = given === undefined ? "Skip" : "Next";
    byId("export").disabled = done === 0;
    byId("reveal").hidden = done < total || isRevealed;
    let told = `${done} of ${total} answered.`;
    if (done === total) told += " Thank you. Export the answers, and send the file to who asked you.";
    if (!this.canKeep) told += " This browser keeps nothing for this page: export before you close it.";
    tell(told);
  },
  answer(answer) {
    const seconds = (Date.now() - this.shownAt) / 1000;
    this.answers[this.now] = { answer, seconds: Math.round(seconds * 10) / 10, time: new Date().toISOString() };
    this.keep();
    const total = page.blind.tasks.length;
    for (let ahead = 1; ahead < total; ahead += 1) {
      const next = (this.now + ahead) % total;
      if (!this.answers[next]) {
        this.show(next);
        return;
      }
    }
    this.showAnswers();
  },
  names(subject) {
    const bytes = Uint8Array.from(atob(page.blind.key), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes))[subject];
  },
  exported() {
    const answers = Object.entries(this.answers).map(([index, given]) => {
      const task = page.blind.tasks[index];
      const names = this.names(task.subject);
      const about = page.blind.ask === "pairs"
        ? { left: names[task.left], right: names[task.right], preferred: given.answer }
        : { entry: names[task.view], rating: given.answer };
      return { image: page.subjects[task.subject].name, ...about, seconds: given.seconds, time: given.time };
    });
    return {
      format: "realesr-ratings", version: 1, page: page.id, asked: page.blind.ask, seed: page.blind.seed,
      rater: byId("rater").value.trim(), entries: page.entries, answers,
    };
  },
  download() {
    const text = JSON.stringify(this.exported(), null, 1);
    const name = (byId("rater").value.trim() || "anonymous").replace(/[^\p{L}\p{N}_-]+/gu, "-");
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href: address, download: `ratings-${name}-${page.id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  },
  reveal() {
    isRevealed = true;
    labels = null;
    page.subjects.forEach((subject, index) => {
      const names = this.names(index);
      subject.views.forEach((view, number) => { view.name = names[number]; });
    });
    byId("question").hidden = true;
    showLists();
    render();
  },
};

function listenToQuestions() {
  byId("question").hidden = !isBlind;
  byId("question-back").addEventListener("click", () => questions.show(questions.now - 1));
  byId("question-on").addEventListener("click", () => questions.show(questions.now + 1));
  byId("rater").addEventListener("input", () => questions.keep());
  byId("export").addEventListener("click", () => questions.download());
  byId("reveal").addEventListener("click", () => questions.reveal());
}

// The views that stand side by side: all of them, or those that are asked about.
function shownViews() {
  if (!labels) return subjectNow().views.map((_, index) => index);
  return state.left === 0 ? [0, state.right] : [state.left, state.right, 0];
}
