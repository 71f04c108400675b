/** Comments pinned to places, and votes on comments and variants. */

import { button, field, h, select } from './dom';
import { Marks } from './marks';
import type { Page, Part } from './page';

interface Comment { id: string | number; x: number; y: number; topic?: string; text: string; votes?: number; count?: number }
interface Saved { id: string | number; title: string; votes?: number; count?: number }

export function commentsPart(page: Page): Part | null {
  const offer = page.server?.event.participation;
  if (!offer || !(offer.comments || offer.votes)) return null;
  return { key: 'comments', open: true, body: () => body(page, offer) };
}

function body(page: Page, offer: { comments: boolean; votes: boolean; topics: { key: string; label: Record<'de' | 'en' | 'ls', string> }[] }): HTMLElement {
  const { speech, server, store, view } = page;
  const marks = new Marks(view);
  const list = h('ul', { class: 'comments' });
  const told = h('p', { role: 'status' });
  const text = h('textarea', { rows: 4, maxlength: 2000 });
  let place: [number, number] | null = null;
  let topic = offer.topics[0]?.key ?? '';
  const where = h('p', { class: 'now' }, speech.t('comment_no_place'));
  const language = (): typeof store.state.language => store.state.language;
  const failed = (error: unknown): void => { told.textContent = error instanceof Error ? error.message : String(error); };
  const put = (x: number, y: number): void => {
    place = [x, y];
    where.textContent = speech.t('comment_place', { x: speech.number(page.everything.manifest.origin.x + x, 0), y: speech.number(page.everything.manifest.origin.y + y, 0) });
    store.set({ mode: 'look' });
    page.tool = null;
    page.announce(where.textContent);
    void load();
  };
  const vote = (target: string, name: string): HTMLElement => {
    const count = h('span', { class: 'count' });
    const act = async (value: number): Promise<void> => {
      try {
        const answer = await server!.send<{ count: number }>('votes', { target, value }, language());
        count.textContent = speech.t('vote_count', { count: answer.count });
        page.announce(speech.t('vote_done', { count: answer.count }));
      } catch (error) { failed(error); }
    };
    return h('span', { class: 'row' }, button('👍 ' + speech.t('vote_for'), () => void act(1), { 'aria-label': speech.t('vote_for_this', { name }) }),
      button(speech.t('vote_back'), () => void act(0), { 'aria-label': speech.t('vote_back_this', { name }) }), count);
  };
  const load = async (): Promise<void> => {
    try {
      const [comments, variants] = await Promise.all([
        offer.comments ? server!.get<Comment[]>('comments', language()) : Promise.resolve([]),
        offer.votes ? server!.get<Saved[]>('variants', language()) : Promise.resolve([]),
      ]);
      marks.clear();
      if (place) marks.pin(place[0], place[1], 0xb3261e, 1.2);
      for (const one of comments) marks.pin(one.x, one.y, 0x6750a4);
      list.replaceChildren(
        ...variants.map((v) => h('li', {}, h('strong', {}, v.title), offer.votes ? vote(`variant:${v.id}`, v.title) : null)),
        ...comments.map((c) => h('li', {}, h('p', {}, c.text), button(speech.t('fly_there'), () => view.eye.look(c.x, c.y, 150)), offer.votes ? vote(`comment:${c.id}`, c.text.slice(0, 40)) : null)));
    } catch (error) { failed(error); }
  };
  const send = async (): Promise<void> => {
    if (!text.value.trim()) { told.textContent = speech.t('comment_empty'); text.focus(); return; }
    if (!place) { told.textContent = speech.t('comment_no_place'); return; }
    try {
      await server!.send('comments', { x: place[0], y: place[1], topic, text: text.value.trim(), variant: store.state.variant }, language());
      text.value = '';
      place = null;
      where.textContent = speech.t('comment_no_place');
      told.textContent = speech.t('comment_sent');
      void load();
    } catch (error) { failed(error); }
  };
  void load();
  const form = offer.comments ? h('div', {},
    offer.topics.length ? select(speech.t('comment_topic'), offer.topics.map((t): [string, string] => [t.key, speech.pick(t.label)]), topic, (value) => { topic = value; }) : null,
    field(speech.t('comment_text'), text), where,
    h('div', { class: 'row' },
      button(speech.t('comment_point'), () => { store.set({ mode: 'comment' }); page.tool = put; page.announce(speech.t('comment_how')); view.canvas.focus(); }),
      button(speech.t('comment_here'), () => put(view.eye.controls.target.x, view.eye.controls.target.y))),
    button(speech.t('comment_send'), () => void send(), { class: 'main' })) : null;
  return h('div', {}, form, told, list);
}
