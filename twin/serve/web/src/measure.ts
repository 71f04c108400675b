/** Measure distances and areas on the ground, by click, touch, or Enter at the cross in the middle. */

import { button, h } from './dom';
import { Marks } from './marks';
import type { Part } from './page';

/** Length of a line and area inside it [m, m2]. */
export function sizes(points: [number, number][]): { length: number; area: number } {
  let [length, twice] = [0, 0];
  points.forEach(([x, y], k) => {
    const [nx, ny] = points[(k + 1) % points.length]!;
    if (k + 1 < points.length) length += Math.hypot(nx - x, ny - y);
    twice += x * ny - nx * y;
  });
  return { length, area: points.length > 2 ? Math.abs(twice) / 2 : 0 };
}

export const measurePart: Part = {
  key: 'measure',
  body(page) {
    const { speech, store, view } = page;
    const marks = new Marks(view);
    let points: [number, number][] = [];
    const told = h('p', { class: 'now' });
    const start = button('', () => {
      const on = store.state.mode !== 'measure';
      store.set({ mode: on ? 'measure' : 'look' });
      page.tool = on ? add : null;
      if (on) { page.announce(speech.t('measure_how')); view.canvas.focus(); }
    }, { class: 'main' });
    const show = (): void => {
      marks.clear();
      points.forEach(([x, y]) => marks.pin(x, y, 0xb3261e, 0.6));
      marks.path(points, 0xb3261e, false);
      const { length, area } = sizes(points);
      told.textContent = points.length < 2 ? '' : speech.t('measure_result', { length: speech.amount(length, 'm'), area: speech.amount(area, 'm²', 0) });
      if (told.textContent) page.announce(told.textContent);
    };
    const add = (x: number, y: number): void => { points.push([x, y]); show(); };
    const label = (): void => { start.textContent = speech.t(store.state.mode === 'measure' ? 'measure_stop' : 'measure_start'); };
    store.on(label, 'mode');
    label();
    return h('div', {}, h('p', { class: 'hint' }, speech.t('measure_how')), start, told,
      h('div', { class: 'row' },
        button(speech.t('undo'), () => { points.pop(); show(); }),
        button(speech.t('clear'), () => { points = []; show(); })));
  },
};
