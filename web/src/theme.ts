/* Light, dark, or as the system has it; charts ask here for their colours, since a canvas knows no CSS. */
import { cell } from './store';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'proctor-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const t = localStorage.getItem(KEY);
    return t === 'light' || t === 'dark' ? t : 'auto';
  } catch {
    return 'auto'; // a page from a file may have no storage
  }
}

export const theme = cell<Theme>(stored());
/* Counts how often colours changed: charts draw again. */
export const themeTurn = cell(0);

function apply(): void {
  const t = theme.get();
  document.documentElement.dataset.theme = t === 'auto' ? (dark.matches ? 'dark' : 'light') : t;
  themeTurn.set(themeTurn.get() + 1);
}

export function nextTheme(): void {
  const order: Theme[] = ['auto', 'light', 'dark'];
  const t = order[(order.indexOf(theme.get()) + 1) % order.length]!;
  try {
    localStorage.setItem(KEY, t);
  } catch {
    // then it lasts until the page is left
  }
  theme.set(t);
  apply();
}

export function runTheme(): void {
  dark.addEventListener('change', apply);
  apply();
}

export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
