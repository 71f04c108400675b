/** Small pieces of a page. */

type Child = Node | string | null | undefined;
type Options = Record<string, string | number | boolean | EventListener | undefined>;

/** Make an element: `h('button', { class: 'x', onclick: act }, 'Go')`. Texts are text, never markup. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, options: Options = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (typeof value === 'boolean') element.toggleAttribute(name, value);
    else if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined));
  return element;
}

export function svg(tag: string, options: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(options)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

let counter = 0;
export function freshId(stem: string): string { return `${stem}-${++counter}`; }

/** A labelled control. */
export function field(label: string, control: HTMLElement): HTMLElement {
  control.id ||= freshId('f');
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control);
}

export function select(label: string, entries: [string, string][], value: string, change: (value: string) => void): HTMLElement {
  const control = h('select', { onchange: () => change(control.value) }, ...entries.map(([key, text]) => h('option', { value: key, selected: key === value }, text)));
  return field(label, control);
}

export function check(label: string, value: boolean, change: (value: boolean) => void): HTMLElement {
  const box = h('input', { type: 'checkbox', checked: value, onchange: () => change(box.checked) });
  return h('label', { class: 'check' }, box, h('span', {}, label));
}

export function button(label: string, act: () => void, options: Options = {}): HTMLButtonElement {
  return h('button', { type: 'button', onclick: act, ...options }, label);
}
