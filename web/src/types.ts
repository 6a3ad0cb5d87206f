/* The answers of docs/api.md, as far as the page reads them.  Every field may be missing or null: a
 * server may be older or newer than the page that a browser kept. */

type N = number | null;
type S = string | null;

export type Level = 'ok' | 'info' | 'warning' | 'critical';

export interface Training {
  source?: S;
  source_reason?: S;
  status?: S;
  model_name?: S;
  current_step?: N;
  total_steps?: N;
  epoch?: N;
  loss?: N;
  eval_loss?: N;
  learning_rate?: N;
  grad_norm?: N;
  tokens_per_second?: N;
  eta_seconds?: N;
  timestamp?: S;
  age_seconds?: N;
  warnings?: unknown[];
}

export interface SystemState {
  name: string;
  active?: boolean;
  state: string;
  state_reason?: S;
  last_run?: S;
  finding?: Finding | null;
}

export interface Finding {
  state?: string;
  state_reason?: S;
  last_run?: S;
  [key: string]: unknown;
}

export interface NewestCheckpoint {
  checkpoint: string;
  id: number;
  step?: N;
  state?: S;
  reason?: S;
  found_at?: S;
  level?: Level | null;
  level_reason?: S;
  suites?: { suite: string; graded: number; of: number }[];
}

export interface Alert {
  id: number;
  system: string;
  key?: string;
  level: Level;
  text: string;
  checkpoint?: N;
  checkpoint_name?: S;
  raised_at: string;
  cleared_at?: S;
  acknowledged_at?: S;
  deliveries?: { channel: string; kind: string; state: string; attempts: number; reason?: S }[];
}

export interface Machine {
  name: string;
  self: boolean;
  reachable: boolean;
  reason?: S;
  at?: S;
  url?: S;
}

export interface Status {
  at: string;
  base_dir?: string;
  training?: Training | null;
  training_reason?: S;
  systems?: SystemState[];
  newest?: NewestCheckpoint | null;
  newest_reason?: S;
  checkpoints?: NewestCheckpoint[];
  n_checkpoints?: N;
  orders?: { checkpoint?: string; suite?: string; state?: string; examples?: number }[] | null;
  n_orders?: N;
  alerts?: Alert[];
  gradebook?: Record<string, unknown> | null;
  gradebook_reason?: S;
  live?: Record<string, unknown> | null;
  live_reason?: S;
  owner?: unknown;
  api?: { version?: string; boot?: string; token_required?: boolean };
  panels?: { id: string; title: string; plugin?: string }[];
  deployed?: { checkpoint?: string; deployed_at?: string } | null;
  deployed_reason?: S;
  best?: { checkpoint: string; id: number; score: N } | null;
  best_reason?: S;
  machines?: Machine[];
}

export interface Mark {
  step: number;
  checkpoint: number;
  name: string;
  kind: 'regression' | 'warning' | 'baseline' | 'deployment' | 'pin';
  text: string;
}

type Numbers = N[];

export interface History {
  checkpoint: number[];
  name: string[];
  step: number[];
  loss: Numbers;
  loss_mean_per_example: Numbers;
  accuracy: Numbers;
  accuracy_low: Numbers;
  accuracy_high: Numbers;
  ece: Numbers;
  score: Numbers;
  graded?: N[]; // answers behind each checkpoint's figures
  n: number;
  truncated: Numbers;
  empty: Numbers;
  think_rate: Numbers;
  think_unclosed: Numbers;
  mean_output_tokens: Numbers;
  difficulties?: Record<string, {
    accuracy: Numbers; accuracy_low: Numbers; accuracy_high: Numbers; loss: Numbers; n: Numbers;
  }>;
  marks?: Mark[];
  decimated?: boolean;
}

export interface SeriesInfo {
  id: number;
  name: string;
  run_id?: number;
  n?: N;
  first_step?: N;
  last_step?: N;
}

export interface Curve {
  step: number[];
  value: Numbers;
  smoothed?: Numbers;
  not_numbers?: number[];
  n: number;
  decimated: boolean;
}

export interface Thinking {
  text: S;
  closed: boolean;
}

export interface Example {
  example: string;
  id: string;
  skill?: S;
  difficulty?: S;
  messages?: { role: string; content: string }[] | null;
  text?: S; // an example that is plain text: it has a loss alone
  golden?: S;
  output?: S;
  answer?: S;
  think?: Thinking | null;
  correct?: boolean | null;
  correct_reason?: S;
  was_correct?: boolean | null;
  reason?: S;
  confidence?: N;
  confidence_reason?: S;
  loss?: N;
  loss_reason?: S;
  finish?: S;
  truncated?: boolean;
  output_tokens?: N;
  texts_dropped?: boolean;
}

export interface ExampleAnswer {
  checkpoint: number;
  name: string;
  step: N;
  output?: S;
  answer?: S;
  think?: Thinking | null;
  correct?: boolean | null;
  confidence?: N;
  loss?: N;
  finish?: S;
  truncated?: boolean;
  texts_dropped?: boolean;
}

/* Which checkpoint an answer is about. */
export interface About {
  id: number;
  name: string;
  step?: N;
}

export interface Suite {
  id: number;
  name: string;
  n: number;
  difficulties?: string[];
  skills?: string[];
}

export interface Run {
  id: number;
  run: string;
  parent?: N;
  parent_step?: N;
  first_at?: S;
  last_at?: S;
  checkpoints?: N;
}

export interface SuiteFigures {
  suite: string;
  n?: N;
  graded?: N;
  loss?: N;
  loss_mean_per_example?: N;
  accuracy?: N;
  ece?: N;
}

export interface CheckpointRow {
  id: number;
  name: string;
  step?: N;
  state: string;
  reason?: S;
  found_at?: S;
  parameters?: N;
  weight_bytes?: N;
  level?: Level | null;
  level_reason?: S;
  pinned?: boolean;
  rank?: N;
  score?: N;
  suites?: SuiteFigures[];
}

export interface Decision {
  at: string;
  system: string;
  kind: string;
  suite?: S;
  verdict: string;
  against?: S;
  superseded?: boolean;
  evidence: unknown;
}

export interface Bin {
  range: string;
  low?: number;
  high?: number;
  count: number;
  accuracy: N;
  mean_confidence: N;
}

export interface Page {
  next_cursor?: S;
  n?: N;
}
