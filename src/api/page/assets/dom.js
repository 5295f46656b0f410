/** Building the page. Text always becomes text nodes; there is no way to markup from here. */

/**
 * @param {string} id
 * @returns {HTMLElement} Throws when the page lacks it.
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found;
}

/**
 * @template {new () => HTMLElement} T
 * @param {string} id
 * @param {T} kind For example `HTMLButtonElement`.
 * @returns {InstanceType<T>}
 */
export function byIdAs(id, kind) {
  const found = byId(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is no ${kind.name}.`);
  return /** @type {InstanceType<T>} */ (found);
}

/** Attributes that can hold neither code nor style; anything else is a mistake of this page. */
const attributes = new Set(
  'alt aria-hidden aria-label class colspan data-state data-tone datetime dir href id rel role scope src start tabindex target title type'.split(
    ' ',
  ),
);

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Readonly<Record<string, string>>} [given] Attributes.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (!attributes.has(name)) throw new Error(`Attribute ${name} is not in use here.`);
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} label
 * @param {() => void} press
 * @param {string} [kind] Class.
 */
export function button(label, press, kind = 'quiet') {
  const element = make('button', { type: 'button', class: kind }, label);
  element.addEventListener('click', press);
  return element;
}

/** @param {string} text Said by screen readers when they are not busy. */
export function announce(text) {
  byId('announcer').textContent = text;
}

/**
 * A button that copies; undefined where the browser has no clipboard for us (plain HTTP on a network address).
 * @param {() => string} text
 * @param {string} label
 */
export function copyButton(text, label) {
  const { clipboard } = navigator;
  if (clipboard === undefined) return undefined;
  const element = button('Copy', () => {
    clipboard.writeText(text()).then(
      () => said('Copied'),
      () => said('Not copied'),
    );
  });
  element.setAttribute('aria-label', label);
  /** @param {string} word */
  const said = (word) => {
    element.textContent = word;
    announce(word);
    setTimeout(() => {
      element.textContent = 'Copy';
    }, 1_500);
  };
  return element;
}
