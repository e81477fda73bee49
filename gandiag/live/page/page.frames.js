"use strict";
// What the checkpoints of a run make, over time, behind a slider.

function showFrames(made) {
  const place = document.getElementById("made");
  const both = Object.entries(made);
  place.replaceChildren(...both.map(([name, each]) => framed(name, each, both.length > 1)));
}

function framed(name, made, several) {
  const last = made.frames.length - 1;
  const asked = Number(/frame=(\d+)/.exec(location.hash)?.[1] ?? last);
  const out = make("output", {});
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, value: Math.min(asked, last), "aria-label": "checkpoint" });
  const picture = made.kind === "points" ? plane(made) : sheet();
  const show = () => {
    const frame = made.frames[slider.value];
    out.textContent = `step ${frame.step.toLocaleString("en-US")}`;
    slider.setAttribute("aria-valuetext", out.textContent);
    picture.show(frame);
  };
  slider.addEventListener("input", show);
  const play = make("button", { type: "button" }, "play");
  let timer = 0;
  play.addEventListener("click", () => {
    if (timer) timer = clearInterval(timer);
    else {
      if (Number(slider.value) === last) slider.value = 0;
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === last) { timer = clearInterval(timer); play.textContent = "play"; }
      }, 300);
    }
    play.textContent = timer ? "stop" : "play";
  });
  show();
  const words = made.kind === "points"
    ? "Dots: samples; rings: real points. Ground: the discriminator, blue where it says real, orange where generated, by rank."
    : "The same latents at each checkpoint.";
  return make("figure", { class: "made" }, make("h2", {}, several ? `samples over training, ${name}` : "samples over training"),
    make("div", { class: "slide" }, play, slider, out), picture.element, make("figcaption", {}, words));
}

function sheet() {
  const element = make("img", { alt: "" });
  return { element, show: (frame) => {
    element.src = frame.picture;
    element.alt = `Samples at step ${frame.step}`;
  } };
}

function plane(made) {
  const side = 360, low = 40, room = side - low - 8;
  const at = ([x, y]) => [low + x / 1000 * room, 8 + y / 1000 * room];
  const dots = (points, radius) => points.map((each) => {
    const [x, y] = at(each);
    return `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 -${2 * radius} 0`;
  }).join("");
  const element = draw("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", class: "plane" });
  const ground = draw("image", { x: low, y: 8, width: room, height: room, preserveAspectRatio: "none", opacity: 0.55 });
  const samples = draw("path", { class: "dots" });
  element.append(ground, draw("path", { class: "rings", d: dots(made.real, 2.2) }), samples,
    draw("path", { class: "axis", d: `M${low} 8V${8 + room}H${low + room}` }));
  const [x, y] = made.corner;
  for (const value of ticks(x, x + made.side, 4)) {
    const place = low + (value - x) / made.side * room;
    element.append(draw("path", { class: "axis", d: `M${place} ${8 + room}v4` }),
      draw("text", { x: place, y: 8 + room + 16, "text-anchor": "middle" }, number(value, 3)));
  }
  for (const value of ticks(y, y + made.side, 4)) {
    const place = 8 + room - (value - y) / made.side * room;
    element.append(draw("path", { class: "axis", d: `M${low - 4} ${place}h4` }),
      draw("text", { x: low - 7, y: place + 4, "text-anchor": "end" }, number(value, 3)));
  }
  return { element, show: (frame) => {
    samples.setAttribute("d", dots(frame.points, 1.4));
    ground.setAttribute("visibility", frame.surface ? "visible" : "hidden");
    if (frame.surface) ground.setAttribute("href", frame.surface);
    element.setAttribute("aria-label", `${frame.points.length} samples and ${made.real.length} real points at step ${frame.step}`);
  } };
}
