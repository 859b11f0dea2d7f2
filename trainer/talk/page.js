// Hold to speak: the microphone's samples go out while the key is down; text and speech come back.
"use strict";

const RATE = 16000;
const button = document.getElementById("speak"), state = document.getElementById("state");
const turns = document.getElementById("turns");
const socket = new WebSocket(`ws://${location.host}/talk`);
socket.binaryType = "arraybuffer";

// Runs in the audio thread: hands each block of samples to the page.
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

let microphone = null, speaking = false, muted = false;
let rate = null, player = null, until = 0, playing = new Set();
let turn = null, asked = 0;

async function openMicrophone() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: "text/javascript" })));
  const tap = new AudioWorkletNode(context, "tap");
  tap.port.onmessage = ({ data }) => {
    if (!speaking) return;
    socket.send(Int16Array.from(data, (sample) => Math.max(-1, Math.min(1, sample)) * 32767));
  };
  context.createMediaStreamSource(stream).connect(tap);
  return context;
}

function silence() {
  playing.forEach((source) => source.stop());
  playing.clear();
  until = 0;
}

function play(bytes) {
  player ??= new AudioContext();
  const whole = new Int16Array(bytes), buffer = player.createBuffer(1, whole.length, rate);
  buffer.copyToChannel(Float32Array.from(whole, (sample) => sample / 32768), 0);
  const source = player.createBufferSource();
  source.buffer = buffer;
  source.connect(player.destination);
  source.onended = () => playing.delete(source);
  playing.add(source);
  until = Math.max(until, player.currentTime + 0.02);
  source.start(until);
  until += buffer.duration;
}

async function start() {
  if (speaking || socket.readyState !== WebSocket.OPEN) return;
  speaking = true;
  button.setAttribute("aria-pressed", "true");
  silence();
  socket.send(JSON.stringify({ say: "stop" }));
  muted = true; // what is still on its way is of the answer before
  try {
    microphone ??= await openMicrophone();
    if (speaking) state.textContent = "Listening …";
  } catch (error) {
    stop(false);
    state.textContent = `No microphone: ${error.message}`;
  }
}

function stop(ask = true) {
  if (!speaking) return;
  speaking = false;
  button.setAttribute("aria-pressed", "false");
  if (!ask) return;
  asked += 1;
  state.textContent = "Thinking …";
  turn = turns.appendChild(document.createElement("li"));
  turn.append(document.createElement("span"), document.createElement("small"));
  socket.send(JSON.stringify({ say: "ask" }));
}

socket.onopen = () => { button.disabled = false; state.textContent = "Ready."; };
socket.onclose = () => { button.disabled = true; state.textContent = "The server is gone: load the page again."; };
socket.onmessage = ({ data }) => {
  if (typeof data !== "string") { if (!muted) play(data); return; }
  const message = JSON.parse(data);
  if (message.hello) rate = message.hello.rate;
  if (message.error) state.textContent = message.error;
  if (message.answer === asked) muted = false;
  if (muted || !turn) return;
  if (message.text) turn.firstChild.textContent += message.text;
  if (message.end) {
    const firsts = Object.entries(message.end.first).map(([name, ms]) => `first ${name} ${ms} ms`);
    turn.lastChild.textContent = (message.end.cut ? "cut; " : "") + firsts.join(", ");
    state.textContent = "Ready.";
  }
};

button.onpointerdown = start;
button.onpointerup = button.onpointerleave = button.onpointercancel = () => stop();
addEventListener("keydown", (event) => { if (event.code === "Space") { event.preventDefault(); if (!event.repeat) start(); } });
addEventListener("keyup", (event) => { if (event.code === "Space") { event.preventDefault(); stop(); } });
addEventListener("blur", () => stop());
