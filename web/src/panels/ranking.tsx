/* The ranking as model-comparison last found it. */
import { count, fixed, percent, short } from '../format';
import { Card, Empty, Shown } from '../parts/card';
import { LevelTag } from '../parts/level';
import { Text } from '../parts/text';
import { Interval, Value } from '../parts/value';
import { useQuery } from '../query';
import type { Finding } from '../types';

interface Ranked {
  rank: number;
  checkpoint: string;
  score: number | null;
  score_ci95?: [number, number] | null;
  accuracy: number | null;
  accuracy_ci95?: [number, number] | null;
  loss: number | null;
  ece: number | null;
  n?: number;
  level?: string | null;
  not_best_because?: string | null;
  pareto?: boolean;
}

const MOST = 25;

export function Ranking() {
  const a = useQuery<Finding>('/api/model_comparison');
  return (
    <Shown of={a}>{(doc) => {
      const list = (doc.rankings as Ranked[] | undefined) ?? [];
      return (
        <Card title="Ranking" aside={list.length > MOST ? `the best ${MOST} of ${count(list.length)}` : undefined}>
          {!list.length ? <Empty title="Nothing is ranked yet">{doc.state_reason}</Empty> : (
            <div class="scroll">
              <table class="figures-table">
                <thead><tr><th scope="col">rank</th><th scope="col">checkpoint</th><th scope="col">score</th><th scope="col">accuracy</th><th scope="col">loss per example</th><th scope="col">ECE</th><th scope="col">n</th><th scope="col">verdict</th></tr></thead>
                <tbody>
                  {list.slice(0, MOST).map((r) => (
                    <tr>
                      <td class="num">{r.rank}</td>
                      <th scope="row"><Text of={r.checkpoint} most={50} />{r.pareto && <span class="chip" title="nothing is better in every part of the score">Pareto</span>}</th>
                      <td><Value v={r.score} show={(x) => fixed(x, 4)} /><Interval low={r.score_ci95?.[0]} high={r.score_ci95?.[1]} show={(x) => fixed(x, 3)} /></td>
                      <td><Value v={r.accuracy} show={(x) => percent(x)} /><Interval low={r.accuracy_ci95?.[0]} high={r.accuracy_ci95?.[1]} show={(x) => percent(x)} /></td>
                      <td><Value v={r.loss} show={short} /></td>
                      <td><Value v={r.ece} show={(x) => fixed(x, 3)} /></td>
                      <td class="num">{count(r.n)}</td>
                      <td><LevelTag level={r.level} why={r.not_best_because} short /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {typeof doc.score_rule === 'string' && <p class="hint"><Text of={doc.score_rule} /></p>}
        </Card>
      );
    }}</Shown>
  );
}
