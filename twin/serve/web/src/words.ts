/** Words and numbers in German, English and plain German. */

import type { Language, Words } from './types';

export class Speech {
  language: Language = 'de';
  constructor(private tables: Record<Language, Record<string, string>>, public zone: string) {}

  /** A text of texts.json with its {names} filled in. */
  t(key: string, values: Record<string, string | number> = {}): string {
    const found = this.tables[this.language][key] ?? this.tables.de[key] ?? key;
    return found.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
  }

  pick(words: Words | string | undefined): string {
    if (words === undefined) return '';
    return typeof words === 'string' ? words : (words[this.language] ?? words.de ?? '');
  }

  get locale(): string { return this.language === 'en' ? 'en-GB' : 'de-DE'; }
  get html(): string { return this.language === 'en' ? 'en' : 'de'; }

  number(value: number | null | undefined, digits = 1): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return '–';
    return new Intl.NumberFormat(this.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace('-', '−');
  }

  signed(value: number, digits = 1): string {
    return (value > 0 ? '+' : '') + this.number(value, digits);
  }

  amount(value: number | null | undefined, unit: string, digits = 1): string {
    const written = this.number(value, digits);
    return written === '–' || !unit ? written : `${written}\u00a0${unit}`;
  }

  clock(time: Date): string {
    return new Intl.DateTimeFormat(this.locale, { hour: '2-digit', minute: '2-digit', timeZone: this.zone }).format(time) + (this.language === 'en' ? '' : '\u00a0Uhr');
  }

  day(time: Date): string {
    return new Intl.DateTimeFormat(this.locale, { day: 'numeric', month: 'long', year: 'numeric', timeZone: this.zone }).format(time);
  }
}

/** Minutes after midnight and the date (yyyy-mm-dd) of a moment on the clocks of a time zone. */
export function localParts(time: Date, zone: string): { date: string; minutes: number } {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(time);
  const get = (type: string): string => parts.find((p) => p.type === type)?.value ?? '0';
  return { date: `${get('year')}-${get('month')}-${get('day')}`, minutes: Number(get('hour')) * 60 + Number(get('minute')) };
}

/** The moment of a date and minutes after midnight on the clocks of a time zone. */
export function momentOf(date: string, minutes: number, zone: string): Date {
  let guess = new Date(`${date}T00:00:00Z`).getTime() + minutes * 60_000;
  for (let i = 0; i < 2; i++) {
    const seen = localParts(new Date(guess), zone);
    const off = (new Date(`${seen.date}T00:00:00Z`).getTime() + seen.minutes * 60_000) - (new Date(`${date}T00:00:00Z`).getTime() + minutes * 60_000);
    guess -= off;
  }
  return new Date(guess);
}
