/* The panels: what /api/status lists under `panels`, by its id.  To add one: a file here with a
 * component, a line below, and `panel` in its plugin's table (src/api/api.h).  A panel that this page
 * does not know is left out. */
import type { ComponentType } from 'preact';
import { Alerts, AlertsCard } from './alerts';
import { Calibration, CalibrationCard } from './calibration';
import { Checkpoints, CheckpointsCard } from './checkpoints';
import { Comparison } from './comparison';
import { Curriculum, CurriculumCard } from './curriculum';
import { Data, DataCard } from './data';
import { Deployment, DeploymentCard } from './deployment';
import { Gpu, GpuCard } from './gpu';
import { Previews, PreviewsCard } from './previews';
import { Progress, ProgressCard } from './progress';
import { Testing, TestingCard } from './testing';

export interface PanelEntry {
  id: string;
  view: ComponentType; // the whole of it
  card?: ComponentType; // its part of the overview
  wide?: boolean; // of the card
}

export const PANELS: PanelEntry[] = [
  { id: 'progress', view: Progress, card: ProgressCard, wide: true },
  { id: 'previews', view: Previews, card: PreviewsCard },
  { id: 'calibration', view: Calibration, card: CalibrationCard },
  { id: 'comparison', view: Comparison },
  { id: 'checkpoints', view: Checkpoints, card: CheckpointsCard },
  { id: 'curriculum', view: Curriculum, card: CurriculumCard },
  { id: 'data', view: Data, card: DataCard },
  { id: 'testing', view: Testing, card: TestingCard },
  { id: 'deployment', view: Deployment, card: DeploymentCard },
  { id: 'gpu', view: Gpu, card: GpuCard },
  { id: 'alerts', view: Alerts, card: AlertsCard },
];

/* In the order of this table: what a person looks at first. */
export function inOrder<T extends { id: string }>(list: T[]): T[] {
  return PANELS.flatMap((p) => list.filter((x) => x.id === p.id).slice(0, 1));
}

export function panelOf(id: string): PanelEntry | undefined {
  return PANELS.find((p) => p.id === id);
}
