/* Shares of the difficulties, as a bar and in numbers. */
import { fixed, type Num, percent } from '../format';
import { Text } from '../parts/text';
import { Absent } from '../parts/value';
import { byDifficulty, difficultyLook } from './difficulty';

export function Mix({ weights, progress, why }: { weights?: Record<string, number> | null; progress?: Record<string, Num>; why?: string }) {
  if (!weights) return <Absent why={why ?? 'no mix is known yet'} />;
  let x = 0;
  return (
    <>
      <svg class="mix" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`mix: ${byDifficulty(weights).map(([k, w]) => `${k} ${percent(w, 0)}`).join(', ')}`}>
        {byDifficulty(weights).map(([k, w], i) => {
          const at = x;
          x += w * 100;
          return <rect class={`f-${difficultyLook(k, i)[0]}`} x={at} y={0} width={Math.max(w * 100 - 0.4, 0)} height={6} />;
        })}
      </svg>
      <ul class="mix-key">
        {byDifficulty(weights).map(([k, w], i) => (
          <li><i class={`swatch c-${difficultyLook(k, i)[0]}`} /> <Text of={k} most={30} /> <b class="num">{percent(w, 0)}</b>
            {progress && <small class="num quiet" title="nats of loss per checkpoint that this difficulty is gaining"> learning {fixed(progress[k], 4)}</small>}</li>
        ))}
      </ul>
    </>
  );
}
