/* Where the reader is: the address after '#', so that a view can be sent to somebody.
 * #/previews?checkpoint=17&outcome=lost */
import { cell, useCell } from './store';

export interface Route {
  panel: string;
  params: Record<string, string>;
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  return { panel: path.replace(/[^a-z0-9_-]/gi, ''), params: Object.fromEntries(new URLSearchParams(query)) };
}

export const route = cell<Route>(parse(location.hash));
window.addEventListener('hashchange', () => route.set(parse(location.hash)));

export function href(panel: string, params: Record<string, string | number | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  return `#/${panel}${text ? `?${text}` : ''}`;
}

/* The parameters of the panel that is shown; a patch with null takes one away.  Typing in a field
 * makes no history of its own: `replace`. */
export function useParams(panel: string): [Record<string, string>, (patch: Record<string, string | number | null>, replace?: boolean) => void] {
  const r = useCell(route);
  const params = r.panel === panel ? r.params : {};
  return [params, (patch, replace = false) => {
    const next: Record<string, string | number | null> = { ...params, ...patch };
    const to = href(panel, next);
    if (replace) {
      history.replaceState(null, '', to);
      route.set(parse(to));
    } else location.hash = to;
  }];
}
