/** Which layer is shown, and its legend: values beside every colour, hatchings for those who see no colours. */

import { check, h, select } from './dom';
import { swatch } from './hatch';
import type { Page, Part } from './page';
import type { LayerInfo } from './types';

export function legend(page: Page, layer: LayerInfo): HTMLElement {
  const { speech, store } = page;
  const rows = [...layer.classes].reverse().map((one) => {
    const name = speech.pick(one.name);
    const limits = speech.pick(one.label);
    return h('li', {}, swatch(one.shades, store.state.hatch ? one.hatch : 0), h('span', {}, name && limits ? `${name} (${limits})` : name || limits));
  });
  return h('div', { class: 'legend' },
    h('h3', {}, speech.pick(layer.label) + (layer.unit ? ` [${layer.unit}]` : '')),
    h('ul', {}, ...rows),
    layer.covers === 'part' ? h('p', { class: 'hint' }, speech.t('layer_part')) : null);
}

export const layersPart: Part = {
  key: 'layers',
  open: true,
  body(page) {
    const { speech, store, everything } = page;
    const entries: [string, string][] = [['', speech.t('layer_none')], ...everything.manifest.layers.map((l): [string, string] => [l.key, speech.pick(l.label)])];
    const holder = h('div', {});
    const show = (): void => {
      const layer = page.bytes.info(store.state.layer);
      holder.replaceChildren(...(layer ? [legend(page, layer)] : []));
    };
    const chooser = select(speech.t('layer_choose'), entries, store.state.layer ?? '', (value) => {
        store.set({ layer: value || null });
        const layer = page.bytes.info(value);
        page.announce(layer ? speech.t('layer_shown', { name: speech.pick(layer.label) }) : speech.t('layer_none'));
      });
    const hatch = check(speech.t('hatch'), store.state.hatch, (value) => store.set({ hatch: value }));
    const trees = check(speech.t('trees_show'), store.state.trees, (value) => store.set({ trees: value }));
    const follow = (): void => {
      chooser.querySelector('select')!.value = store.state.layer ?? '';
      hatch.querySelector('input')!.checked = store.state.hatch;
      trees.querySelector('input')!.checked = store.state.trees;
      show();
    };
    store.on(follow, 'layer', 'hatch', 'trees');
    follow();
    return h('div', {}, chooser, holder, hatch, trees);
  },
};
