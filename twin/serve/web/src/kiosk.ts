/** Kiosk: large controls, and back to the start when nobody has touched the table for a while. */

import type { Page } from './page';

export function startKiosk(page: Page, seconds: number, reset: () => void): void {
  document.documentElement.classList.add('kiosk');
  document.addEventListener('gesturestart', (event) => event.preventDefault());
  document.addEventListener('wheel', (event) => { if (event.ctrlKey) event.preventDefault(); }, { passive: false });
  let timer = 0;
  let touched = false;
  const wait = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (touched) { reset(); page.announce(page.speech.t('kiosk_reset')); }
      touched = false;
      wait();
    }, seconds * 1000);
  };
  for (const name of ['pointerdown', 'keydown', 'wheel', 'input']) document.addEventListener(name, () => { touched = true; wait(); }, { capture: true, passive: true });
  wait();
}
