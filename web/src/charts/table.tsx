/* The numbers behind a chart, for who cannot see it or does not trust it. */
import { known, NONE, plural } from '../format';
import { table } from './export';
import { place } from './chart';
import type { Line } from './lines';
import type { Axis } from './zoom';

const MOST = 200;

export function DataTable({ title, axis, x, lines, show }: {
  title: string; axis: Axis; x: number[]; lines: Line[]; show: (v: number) => string;
}) {
  const { head, rows } = table(x, axis, lines);
  const last = rows.slice(-MOST).reverse();
  return (
    <div class="scroll data-table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <caption>{rows.length > MOST ? `The last ${MOST} of ${plural(rows.length, 'point')}; the CSV file has all of them.` : plural(rows.length, 'point')}</caption>
        <thead><tr>{head.map((h) => <th scope="col">{h}</th>)}</tr></thead>
        <tbody>
          {last.map((r) => (
            <tr>
              {r.map((v, i) => (i === 0 ? <th scope="row">{place(axis, v ?? undefined)}</th>
                : <td class="num">{known(v) ? (head[i]!.endsWith(', n') ? v : show(v)) : v === null ? NONE : ''}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
