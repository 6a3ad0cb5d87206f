/* What the whole page shares: the status document, and small lists that many panels choose from. */
import { follow } from './query';
import type { History, Page, Run, Status, Suite } from './types';

export const status = follow<Status>('/api/status');
export const suites = follow<{ suites: Suite[] }>('/api/gradebook/suites', { sources: ['gradebook', 'config'] });
export const runs = follow<{ runs: Run[] } & Page>('/api/gradebook/runs', { sources: ['gradebook'] });

export type Graded = History;
