/* How many epochs a training has, and how fast they follow each other. */

import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { h } from "../ui/dom.js";
import { field, number, segments } from "../ui/forms.js";

/** Epochs per second, as texts; "" is as fast as the processor goes. */
const PACES = [["1", "1"], ["5", "5"], ["20", "20"], ["", "Full speed"]];
const CALM = "20";
const FEW = { rows: 2000, parameters: 5000 }; // up to here a network has learnt before one has seen anything
const KEY = "pace";

/** Return the controls, and what starts the training as they say; that returns the server's answer. */
export function pace(root) {
  let epochs = null;
  let until = null; // where the training that this page started ends
  const left = () => (until > store.frame.epoch ? until - store.frame.epoch : epochs);
  const start = async (n = epochs) => {
    const answer = await act("train", { epochs: n, epochs_per_second: Number(speed.value()) || null }, { root });
    until = answer?.until ?? until;
    return answer;
  };
  const speed = speedChoice(() => store.state.run.playing && start(left()));
  const box = number(null, value => (epochs = value), { optional: true, step: "1", min: 1, placeholder: "no end" });
  box.id = "train-epochs";
  const fields = h("div", { class: "pace" }, field("Epochs", box, { where: "epochs", text: "How many more; none given goes on until it is paused" }), speed.element);
  return { fields, start };
}

/** Return the choice of the pace. Until one is chosen, it is the one that suits what is trained. */
function speedChoice(changed) {
  const choose = value => {
    sessionStorage.setItem(KEY, value);
    changed();
  };
  const choice = segments("Epochs per second", PACES, suiting(), choose);
  choice.id = "train-pace";
  const boxes = [...choice.querySelectorAll("input")];
  on("state", () => {
    if (!store.state.run.playing) for (const box of boxes) box.checked = box.value === suiting();
  });
  const label = h("span", { class: "label", "aria-hidden": "true" }, "Epochs per second");
  const element = h("div", { class: "field", "data-where": "epochs_per_second" }, label, choice);
  return { element, value: () => boxes.find(box => box.checked).value };
}

/** Return the pace that was chosen in this page, or else a calm one for what is small. */
function suiting() {
  const { data, n_parameters } = store.state;
  const small = data.n < FEW.rows && n_parameters < FEW.parameters;
  return sessionStorage.getItem(KEY) ?? (small ? CALM : "");
}
