/** Search for streets, buildings and sensors by name. */

import { button, field, h } from './dom';
import type { Part } from './page';

const MOST = 8;

export const searchPart: Part = {
  key: 'search',
  body(page) {
    const { speech, everything: { features: { places } }, store } = page;
    const box = h('input', { type: 'search', autocomplete: 'off', oninput: () => show() });
    const list = h('ul', { class: 'found' });
    const told = h('p', { class: 'hint', role: 'status' });
    const plain = (text: string): string => text.toLocaleLowerCase('de').normalize('NFD').replace(/\p{M}/gu, '').replace(/ß/g, 'ss');
    const names = places.name.map(plain);
    const show = (): void => {
      const wanted = plain(box.value.trim());
      const found = wanted.length < 2 ? [] : names.map((name, k) => ({ k, at: name.indexOf(wanted) })).filter((f) => f.at >= 0).sort((a, b) => a.at - b.at).slice(0, MOST);
      list.replaceChildren(...found.map(({ k }) => h('li', {}, button(`${places.name[k]} (${speech.t(`kind_${places.kind[k]}`)})`, () => {
        store.set({ picked: { kind: places.kind[k]!, row: places.row[k]!, x: places.x[k]!, y: places.y[k]! } });
        page.view.eye.look(places.x[k]!, places.y[k]!, 160);
      }, { class: 'link' }))));
      told.textContent = wanted.length < 2 ? '' : speech.t('search_found', { count: found.length });
    };
    return h('div', {}, field(speech.t('search_label'), box), told, list);
  },
};
