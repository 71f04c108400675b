/** The server behind the page, where there is one: twin serve. A page from a file or a plain web server has none. */

import type { EventInfo, Language } from './types';

export class ServerError extends Error {}

export class Server {
  private token: string | null = sessionStorage.getItem('twin-device');
  constructor(readonly event: EventInfo) {}

  /** Ask the server of the page for its event; null where the manifest names none. */
  static async find(wanted: boolean): Promise<Server | null> {
    if (!wanted || !location.protocol.startsWith('http')) return null;
    try {
      const answer = await fetch('api/event', { headers: { Accept: 'application/json' } });
      return answer.ok ? new Server((await answer.json()) as EventInfo) : null;
    } catch {
      return null;
    }
  }

  private async device(): Promise<string> {
    if (!this.token) {
      const answer = await this.read<{ token: string }>('api/device', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
      this.token = answer.token;
      sessionStorage.setItem('twin-device', answer.token);
    }
    return this.token;
  }

  private async read<T>(path: string, options: RequestInit = {}): Promise<T> {
    const answer = await fetch(path, options);
    const body = (await answer.json().catch(() => ({}))) as T & { error?: string };
    if (!answer.ok) throw new ServerError(body.error ?? `${answer.status}`);
    return body;
  }

  get<T>(path: string, language: Language): Promise<T> { return this.read<T>(`api/${path}?lang=${language}`); }

  async send<T>(path: string, body: unknown, language: Language): Promise<T> {
    const headers = { 'Content-Type': 'application/json', 'X-Device': await this.device() };
    return this.read<T>(`api/${path}?lang=${language}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Listen to named events of a stream; closing it tells the server that nobody waits any more. */
  stream(path: string, handlers: Record<string, (data: unknown) => void>): EventSource {
    const source = new EventSource(path);
    for (const [name, act] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => { if (event instanceof MessageEvent) act(JSON.parse(event.data as string)); else act(null); });
    }
    return source;
  }
}
