// Hold to speak: the microphone's samples go out while the key is down; text, units and speech come back.
// What goes over the WebSocket stands in session.py.
"use strict";

const [button, state, about, turns] = ["speak", "state", "about", "turns"].map((id) => document.getElementById(id));
const SHORTEST = 0.1; // seconds; less is a tap, which asks nothing
const AGAIN = 1000; // milliseconds until a server that is gone is tried again

function say(text, wrong = false) {
  state.textContent = text;
  state.className = wrong ? "wrong" : "";
}

// ---- The microphone. It stays open once it is allowed, so that no first word is lost.

let opening = null; // a promise of { context, rate }
let listening = null; // while a question is spoken: { rate, samples, blocks }

async function openMicrophone() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext();
  await context.audioWorklet.addModule("/tap.js");
  const tap = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
  tap.port.onmessage = ({ data }) => hear(data);
  context.createMediaStreamSource(stream).connect(tap);
  stream.getAudioTracks()[0].onended = () => {
    opening = null;
    context.close();
    stop(false);
    say("The microphone was taken away: connect it, or allow it again, and hold to speak.", true);
  };
  return { context, rate: context.sampleRate };
}

function whyNoMicrophone(error) {
  if (error.name === "NotAllowedError") return "The browser lets this page use no microphone: allow it beside the page's address, then hold again.";
  if (error.name === "NotFoundError") return "No microphone is connected.";
  if (error.name === "NotReadableError") return "The microphone can't be read: another program may have it.";
  return `No microphone: ${error.message}`;
}

function hear(block) {
  if (!listening) return;
  const left = Math.floor(hello.seconds * listening.rate) - listening.samples;
  listening.blocks.push(...block.subarray(0, left));
  listening.samples += Math.min(block.length, left);
  if (listening.blocks.length >= 2048) sendBlocks();
  if (block.length >= left) stop(true, `${hello.seconds} s are the most: what came until then is answered. `);
}

function sendBlocks() {
  const whole = Int16Array.from(listening.blocks, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767));
  if (whole.length) socket.send(whole);
  listening.blocks = [];
}

// ---- The voice. Its context has the vocoder's rate: pieces that are resampled one by one would click at their joints.

let player = null, next = 0; // the sample at which the next piece begins
const playing = new Set();

function openPlayer() {
  if (!hello.rate) return;
  player ??= new AudioContext({ sampleRate: hello.rate });
  player.resume(); // browsers let sound begin only where somebody has pressed something
}

function play(bytes) {
  const whole = new Int16Array(bytes), buffer = player.createBuffer(1, whole.length, hello.rate);
  buffer.copyToChannel(Float32Array.from(whole, (sample) => sample / 32767), 0);
  const source = player.createBufferSource();
  source.buffer = buffer;
  source.connect(player.destination);
  source.onended = () => playing.delete(source);
  playing.add(source);
  next = Math.max(next, Math.ceil((player.currentTime + 0.02) * hello.rate));
  source.start(next / hello.rate);
  next += whole.length;
}

function silence() {
  playing.forEach((source) => source.stop());
  playing.clear();
  next = 0;
}

// ---- Turns: an item for each question.

let turn = null; // the one whose answer is awaited or comes
let asked = 0; // questions since the connection began
let muted = true; // what is still on its way is of an answer that was stopped

function element(name, kind = "") {
  const made = document.createElement(name);
  made.className = kind;
  return made;
}

function toEnd() {
  scrollTo(0, document.documentElement.scrollHeight);
}

function following(change) { // whoever has scrolled up reads there
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 8;
  change();
  if (atEnd) toEnd();
}

function newTurn(before) {
  const item = element("li"), units = element("details");
  turn = { text: element("span", "answer"), note: element("span", "note"), units, said: before, count: 0 };
  units.append(element("summary"), element("code"));
  units.hidden = true;
  item.append(turn.text, turn.note, units);
  turns.append(item);
  turns.setAttribute("aria-busy", "true"); // read aloud when it is whole
  toEnd();
}

function endTurn(note) {
  if (!turn) return;
  turn.note.textContent = turn.said + note;
  turns.removeAttribute("aria-busy");
  turn = null;
  muted = true;
}

function addUnits(units) {
  turn.count += units.length;
  turn.units.hidden = false;
  turn.units.firstChild.textContent = `${turn.count} units`;
  turn.units.lastChild.append(`${units.join(" ")} `);
}

function answerEnded({ cut, first }) {
  const firsts = Object.entries(first).map(([name, ms]) => `first ${name} ${ms} ms`);
  endTurn((cut ? "cut, with as many tokens as it may have; " : "") + firsts.join(", "));
  say("Ready.");
}

// ---- Speaking.

let speaking = false, presses = 0;

function hush(why) {
  silence();
  endTurn(why);
  socket.send(JSON.stringify({ say: "stop" }));
}

async function start() {
  if (speaking || !hello) return;
  const press = ++presses;
  speaking = true;
  button.setAttribute("aria-pressed", "true");
  hush("stopped");
  openPlayer();
  say("The microphone opens …");
  try {
    const { context, rate } = await (opening ??= openMicrophone());
    await context.resume();
    if (press !== presses) return;
    if (!speaking) return say("The microphone is open: hold to speak.");
    socket.send(JSON.stringify({ say: "speak", rate }));
    listening = { rate, samples: 0, blocks: [] };
    say("Listening …");
  } catch (error) {
    opening = null;
    stop(false);
    say(whyNoMicrophone(error), true);
  }
}

function stop(ask = true, before = "") {
  if (!speaking) return;
  speaking = false;
  button.setAttribute("aria-pressed", "false");
  const spoken = listening;
  if (spoken && ask) sendBlocks();
  listening = null;
  if (!spoken || !ask) return;
  if (spoken.samples < SHORTEST * spoken.rate) return say("Ready: hold while you speak.");
  asked += 1;
  say(`${before}Thinking …`);
  newTurn(before);
  socket.send(JSON.stringify({ say: "ask" }));
}

// ---- The server.

let socket = null, hello = null;

function connect() {
  socket = new WebSocket(`ws://${location.host}/talk`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => (typeof data === "string" ? read(JSON.parse(data)) : muted || play(data));
  socket.onclose = () => {
    hello = null;
    stop(false);
    endTurn("broken off: the server went away");
    button.disabled = true;
    say("The server is gone. This page tries to reach it again; start it, if it was ended.", true);
    setTimeout(connect, AGAIN);
  };
}

function greeted(message) {
  hello = message;
  asked = 0;
  muted = true;
  if (player && player.sampleRate !== hello.rate) player = void player.close();
  about.textContent = `Its task: ${hello.task}. A question may take ${hello.seconds} s.`
    + (hello.rate ? "" : " It was started without --vocoder, so answers are written alone.");
  button.disabled = false;
  say("Ready.");
}

function read(message) {
  if (message.hello) return greeted(message.hello);
  if (message.waiting === asked && turn) say("Another page is being answered; this question comes next.");
  if (message.answer === asked && turn) muted = false, say("Answering …");
  if (message.error && (message.answer ?? asked) === asked) {
    say(message.error, true);
    return endTurn(message.error);
  }
  if (muted) return;
  following(() => {
    if (message.text) turn.text.append(message.text);
    if (message.units) addUnits(message.units);
    if (message.end) answerEnded(message.end);
  });
}

// ---- Keys and pointers.

button.onpointerdown = (event) => {
  if (event.button !== 0) return;
  button.setPointerCapture(event.pointerId); // a finger may slide off
  start();
};
button.onpointerup = button.onpointercancel = button.onlostpointercapture = () => stop();
button.oncontextmenu = (event) => event.preventDefault(); // what a long press opens on a phone
// Enter, and programs that read the page aloud, click without pointer: one begins, the next asks.
button.onclick = (event) => event.detail || (speaking ? stop() : start());

const isSpace = (event) => event.code === "Space" && event.target.tagName !== "SUMMARY" && !event.ctrlKey && !event.altKey && !event.metaKey;
addEventListener("keydown", (event) => {
  if (event.code === "Escape" && hello && !speaking) hush("stopped"), say("Ready.");
  if (event.code === "Enter" && event.target === button && event.repeat) event.preventDefault(); // one press, one click
  if (!isSpace(event)) return;
  event.preventDefault();
  if (!event.repeat) start();
});
addEventListener("keyup", (event) => {
  if (!isSpace(event)) return;
  event.preventDefault();
  stop();
});
addEventListener("blur", () => stop());

connect();
