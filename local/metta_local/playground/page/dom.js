/** Builds and updates elements. Every text becomes a text node, so nothing that a person wrote can become markup. */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "open", "htmlFor", "className"]);
const kept = new WeakMap();

/**
 * One element.
 * @param {string} tag name, with classes after dots: "p.note"
 * @param {object} given attributes and properties; `on` holds listeners; null, undefined and false are left out
 * @param {...(Node|string|number|null)} children
 */
export function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (key === "on") Object.entries(value).forEach(([event, act]) => element.addEventListener(event, act));
    else if (PROPERTIES.has(key)) element[key] = value;
    else attribute(element, key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set an attribute, or take it away; never one that a browser would run or that the page's policy refuses. */
export function attribute(element, name, value) {
  if (/^on|^style$|^srcdoc$/i.test(name)) throw new TypeError(`attribute ${name} is not for this page`);
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
}

/** An SVG element. */
export function svg(name, given = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) attribute(element, key, value);
  element.append(...children);
  return element;
}

/** Change an element's text only where it is another one, so that a screen reader and the caret stay undisturbed. */
export function say(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** Show or hide. */
export function shown(element, yes) {
  if (element.hidden === Boolean(yes)) element.hidden = !yes;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
  kept.delete(element);
}

/**
 * Let an element's children be those of a list, touching only what changed.
 * @param {Element} parent holds these children alone
 * @param {Array} items
 * @param {{key: Function, sign?: Function, make: Function, update?: Function}} how
 *   key names an item; sign says in a string what of it is drawn; make draws it; update changes what was drawn before
 */
export function keyed(parent, items, { key, sign = () => "", make, update = null }) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  const names = new Set(items.map(key));
  for (const [name, { node }] of before) if (!names.has(name)) node.remove();
  let cursor = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    const signature = sign(item);
    const old = before.get(name);
    let node = old?.node;
    if (!node) node = make(item);
    else if (old.signature !== signature && update) update(node, item);
    else if (old.signature !== signature) {
      const fresh = make(item);
      node.replaceWith(fresh);
      if (cursor === node) cursor = fresh;
      node = fresh;
    }
    after.set(name, { node, signature });
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  kept.set(parent, after);
}

const opened = new Map();

/**
 * A details element that keeps its state when it is drawn anew and draws its body only once it is opened.
 * @param {string} id names it among all
 * @param {(Node|string)[]} summary
 * @param {Function} body gives the nodes
 */
export function disclosure(id, summary, body, { open = false, className = "more" } = {}) {
  const element = h("details", { className }, h("summary", {}, ...summary));
  let drawn = false;
  const draw = () => {
    if (drawn || !element.open) return;
    drawn = true;
    element.append(...[body()].flat().filter(Boolean));
  };
  element.open = opened.get(id) ?? open;
  draw();
  element.addEventListener("toggle", () => {
    opened.set(id, element.open);
    draw();
  });
  return element;
}
