/** Before and after: a divider over the map (dragged, or moved by a slider), or both side by side. */

import { field, h, select } from './dom';
import type { Page, Part } from './page';
import type { Compare } from './store';

export function comparePart(page: Page): Part | null {
  const { variants } = page.everything.manifest;
  if (variants.length < 2) return null;
  return {
    key: 'compare',
    open: true,
    body({ speech, store }) {
      const entries = page.everything.manifest.variants.map((v): [string, string] => [v.key, speech.pick(v.label)]);
      const modes: [string, string][] = (['off', 'swipe', 'side'] as Compare[]).map((m) => [m, speech.t(`compare_${m}`)]);
      const slider = h('input', { type: 'range', min: 0, max: 100, step: 1, class: 'wide', oninput: () => store.set({ split: Number(slider.value) / 100 }) });
      const first = select('', entries, store.state.variant, (variant) => store.set({ variant }));
      const second = select(speech.t('compare_right'), entries, store.state.other, (other) => store.set({ other }));
      const how = select(speech.t('compare_how'), modes, store.state.compare, (compare) => {
        store.set({ compare: compare as Compare });
        page.announce(speech.t(`compare_${compare}`));
      });
      const place = field(speech.t('compare_split'), slider);
      const show = (): void => {
        const { compare, split, variant, other } = store.state;
        how.querySelector('select')!.value = compare;
        first.querySelector('select')!.value = variant;
        second.querySelector('select')!.value = other;
        slider.value = String(Math.round(split * 100));
        slider.setAttribute('aria-valuetext', `${Math.round(split * 100)} %`);
        second.hidden = compare === 'off';
        place.hidden = compare !== 'swipe';
        first.querySelector('label')!.textContent = speech.t(compare === 'off' ? 'compare_shown' : 'compare_left');
      };
      store.on(show, 'compare', 'split', 'variant', 'other');
      show();
      return h('div', {}, how, first, second, place);
    },
  };
}

/** The divider on the map with the names of both sides. */
export function divider(page: Page): HTMLElement {
  const { store, speech, view } = page;
  const left = h('span', { class: 'side left' });
  const right = h('span', { class: 'side right' });
  const bar = h('div', { class: 'divider', 'aria-hidden': 'true' }, h('span', { class: 'grip' }, '⇔'));
  const holder = h('div', { class: 'sides' }, left, right, bar);
  const label = (key: string): string => speech.pick(page.everything.manifest.variants.find((v) => v.key === key)?.label);
  const show = (): void => {
    const { compare, split, variant, other } = store.state;
    holder.hidden = compare === 'off';
    bar.classList.toggle('still', compare === 'side');
    const at = compare === 'side' ? 0.5 : split;
    bar.style.left = `${at * 100}%`;
    left.style.maxWidth = `calc(${at * 100}% - 12px)`;
    right.style.maxWidth = `calc(${(1 - at) * 100}% - 12px)`;
    left.textContent = label(variant);
    right.textContent = label(other);
    left.hidden = at < 0.08;
    right.hidden = at > 0.92;
  };
  bar.addEventListener('pointerdown', (event) => { bar.setPointerCapture(event.pointerId); event.preventDefault(); });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = view.canvas.getBoundingClientRect();
    store.set({ split: Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) });
  });
  store.on(show, 'compare', 'split', 'variant', 'other', 'language');
  show();
  return holder;
}
