/** Asks the stack to do something, and shows what it objects to beside the field that it names. */

import { attribute, h, say } from "./dom.js";

/** What the stack would not do, in its own words. */
export class Refused extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

/**
 * POST some JSON.
 * @throws {Refused} with the field that is meant, where the stack names one
 */
export async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused("The stack does not answer. Is `metta up` still running?", null);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error ?? `The stack answered ${response.status}.`, answer.field ?? null);
  return answer;
}

const running = new WeakMap();

/** One after another: gives a function that runs what it gets once the one before is done. */
export function inTurn() {
  let last = Promise.resolve();
  return (step) => {
    last = last.then(step, step);
    return last;
  };
}

/**
 * Do something that a form asks for, after what it asked for before: old complaints go, a refusal is shown at its field.
 * @param {Element} form
 * @param {Function} act may throw Refused
 * @returns {Promise<boolean>} whether it was done
 */
export async function attempt(form, act) {
  while (running.has(form)) await running.get(form);
  const done = once(form, act);
  running.set(
    form,
    done.catch(() => false),
  );
  try {
    return await done;
  } finally {
    running.delete(form);
  }
}

async function once(form, act) {
  complaint(form, null);
  attribute(form, "aria-busy", "true");
  try {
    await act();
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    complaint(form, error);
    return false;
  } finally {
    attribute(form, "aria-busy", null);
  }
}

/** Show a refusal at the field with that `data-field`, or at the form's foot; null takes it away. */
export function complaint(form, refused) {
  for (const old of form.querySelectorAll(".complaint")) {
    if (old.id) say(old, "");
    else old.remove();
  }
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    attribute(field, "aria-invalid", null);
    attribute(field, "aria-describedby", field.dataset.described || null);
  }
  if (!refused) return;
  const field = refused.field && form.querySelector(`[data-field~="${CSS.escape(refused.field)}"]`);
  if (!field || field.closest("[hidden]")) {
    form.append(h("p.complaint", { role: "alert" }, refused.message));
    return;
  }
  const id = `complaint-${refused.field}-${form.id}`;
  let place = document.getElementById(id);
  if (!place) {
    place = h("p.complaint", { id, role: "alert" });
    (field.closest(".field") ?? field).append(place);
  }
  say(place, refused.message);
  field.dataset.described ??= field.getAttribute("aria-describedby") ?? "";
  attribute(field, "aria-invalid", "true");
  attribute(field, "aria-describedby", `${field.dataset.described} ${id}`.trim());
  field.focus?.();
}
