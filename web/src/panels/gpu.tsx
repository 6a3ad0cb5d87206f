/* GPU and host, of this machine and of those beside it. */
import { useMemo } from 'preact/hooks';
import { address } from '../api';
import { Chart } from '../charts/chart';
import type { Line } from '../charts/lines';
import { extend, zooms } from '../charts/zoom';
import { ago, bytes, count, fixed, percent, plural } from '../format';
import { Card, Empty, Shown, Stat } from '../parts/card';
import { Text } from '../parts/text';
import { Value } from '../parts/value';
import { type Answer, useQuery } from '../query';
import { href } from '../route';
import { useAligned } from './curves';
import { now, useCell } from '../store';
import { useEffect } from 'preact/hooks';

type N = number | null;

interface Gpu {
  index: number;
  name?: string;
  memory_used_bytes: N;
  memory_total_bytes: N;
  utilization_percent: N;
  temperature_celsius: N;
  power_watts: N;
  power_limit_watts?: N;
  processes?: { pid: number; name?: string | null; memory_bytes: N }[];
  [reason: string]: unknown;
}

interface Host {
  cpu_percent: N;
  cpus?: N;
  load1?: N;
  memory_used_bytes: N;
  memory_total_bytes: N;
  disks?: { path: string; used_bytes: N; total_bytes: N; free_bytes: N }[];
  [reason: string]: unknown;
}

interface MachineState {
  name: string;
  self: boolean;
  reachable: boolean;
  reason?: string | null;
  at?: string | null;
  gpus?: Gpu[];
  gpu_source?: string | null;
  gpu_reason?: string | null;
  host?: Host | null;
  host_reason?: string | null;
}

interface Machines {
  machines: MachineState[];
}

function Meter({ label, v, of, show, why }: { label: string; v: N | undefined; of: N | undefined; show: (x: number) => string; why?: unknown }) {
  const share = typeof v === 'number' && typeof of === 'number' && of > 0 ? v / of : null;
  return (
    <div class="meter">
      <span class="quiet">{label}</span>
      <span><Value v={v} show={show} why={why as string} />{typeof of === 'number' && of !== 100 && <small class="quiet"> of {show(of)}</small>}</span>
      {share !== null && <meter min={0} max={1} value={Math.min(1, share)} high={0.92} aria-label={`${label} ${percent(share, 0)}`} />}
    </div>
  );
}

function OneGpu({ g }: { g: Gpu }) {
  return (
    <div class="device">
      <h4>GPU {g.index} <span class="quiet"><Text of={g.name} most={60} /></span></h4>
      <div class="meters">
        <Meter label="memory" v={g.memory_used_bytes} of={g.memory_total_bytes} show={bytes} why={g.memory_used_bytes_reason} />
        <Meter label="busy" v={g.utilization_percent} of={100} show={(x) => `${fixed(x, 0)} %`} why={g.utilization_percent_reason} />
        <Meter label="power" v={g.power_watts} of={g.power_limit_watts} show={(x) => `${fixed(x, 0)} W`} why={g.power_watts_reason} />
        <Meter label="temperature" v={g.temperature_celsius} of={null} show={(x) => `${fixed(x, 0)} °C`} why={g.temperature_celsius_reason} />
      </div>
      {(g.processes?.length ?? 0) > 0 && (
        <table class="figures-table">
          <thead><tr><th scope="col">process</th><th scope="col">pid</th><th scope="col">memory</th></tr></thead>
          <tbody>{g.processes!.map((p) => <tr><th scope="row"><Text of={p.name ?? '–'} most={80} /></th><td class="num">{p.pid}</td><td><Value v={p.memory_bytes} show={bytes} why="the driver does not say" /></td></tr>)}</tbody>
        </table>
      )}
    </div>
  );
}

function HostPart({ h }: { h: Host }) {
  return (
    <div class="device">
      <h4>Host {h.cpus ? <span class="quiet">{plural(h.cpus, 'CPU')}</span> : null}</h4>
      <div class="meters">
        <Meter label="CPU" v={h.cpu_percent} of={100} show={(x) => `${fixed(x, 0)} %`} why={h.cpu_percent_reason} />
        <Meter label="memory" v={h.memory_used_bytes} of={h.memory_total_bytes} show={bytes} why={h.memory_used_bytes_reason} />
        {(h.disks ?? []).map((d) => <Meter label={`disk ${d.path}`} v={d.used_bytes} of={d.total_bytes} show={bytes} />)}
        <Meter label="load, 1 min" v={h.load1} of={null} show={(x) => fixed(x, 2)} why={h.load1_reason} />
      </div>
    </div>
  );
}

function MachineCard({ m }: { m: MachineState }) {
  const time = useCell(now);
  return (
    <Card title={m.name} aside={<>{m.self ? 'this machine' : 'beside it'}{m.at && ` · ${ago(m.at, time)}`}{m.gpu_source && ` · ${m.gpu_source}`}</>}>
      {!m.reachable && !m.self ? <Empty title="Not reachable">{m.reason}</Empty> : (
        <>
          {(m.gpus ?? []).map((g) => <OneGpu key={g.index} g={g} />)}
          {!m.gpus?.length && <p class="hint">No GPU is shown: <Text of={m.gpu_reason ?? 'this machine has none'} /></p>}
          {m.host ? <HostPart h={m.host} /> : <p class="notice">Nothing is known of the host: <Text of={m.host_reason ?? m.reason ?? 'no sample yet'} /></p>}
        </>
      )}
    </Card>
  );
}

/* ---- over time ---- */

interface MachineSeries {
  id: number;
  name: string;
}

interface TimeCurve {
  at_ms: number[];
  value: N[];
  n: number;
  decimated: boolean;
}

/* Gathers what is drawn together: every GPU's memory in one chart. */
const KINDS: [string, RegExp, (x: number) => string][] = [
  ['GPU memory', /^gpu\d+\.memory_used_bytes$/, bytes],
  ['GPU busy', /^gpu\d+\.utilization_percent$/, (x) => `${fixed(x, 0)} %`],
  ['GPU temperature', /^gpu\d+\.temperature_celsius$/, (x) => `${fixed(x, 0)} °C`],
  ['GPU power', /^gpu\d+\.power_watts$/, (x) => `${fixed(x, 0)} W`],
  ['CPU', /^host\.cpu_percent$/, (x) => `${fixed(x, 0)} %`],
  ['Host memory', /^host\.memory_used_bytes$/, bytes],
];

const MOST_LINES = 8;
const COLORS = ['s1', 's2', 's3', 's4', 's5', 's6', 's1', 's2'];

function useTimeCurve(id: number | undefined): Answer<TimeCurve> {
  const range = useCell(zooms.time.range);
  const url = id === undefined ? null : address(`/api/gpu/curves/${id}`, { from: range && Math.floor(range[0]), to: range && Math.ceil(range[1]), width: 600 });
  return useQuery<TimeCurve>(url, { sources: ['machine'], debounce: range ? 150 : 0 });
}

function TimeChart({ title, list, show }: { title: string; list: MachineSeries[]; show: (x: number) => string }) {
  // A fixed number of hooks for a number of series that may change.
  const answers = Array.from({ length: MOST_LINES }, (_, i) => useTimeCurve(list[i]?.id));
  const docs = answers.map((a) => a.doc);
  const { x, y } = useAligned(docs.map((d) => d && { x: d.at_ms, y: d.value }), docs);
  const lines = useMemo(() => list.slice(0, MOST_LINES).map((s, i): Line => ({
    label: s.name.split('.')[0]!, color: COLORS[i]!, y: y[i] ?? [], dash: i > 5 ? [4, 3] : undefined,
  })), [y, list]);
  const zoomed = useCell(zooms.time.range);
  useEffect(() => {
    if (!zoomed && x.length > 1) extend(zooms.time, [Math.min(zooms.time.all.get()[0] || x[0]!, x[0]!), x[x.length - 1]!]);
  }, [x, zoomed]);
  return <Chart title={title} axis="time" x={x} lines={lines} show={show} hard={[0, title.endsWith('busy') || title === 'CPU' ? 100 : null]} zero binary={title.endsWith('memory')} height={150}
    decimated={docs.some((d) => d?.decimated)} note={list.length > MOST_LINES ? `the first ${MOST_LINES} of ${list.length}` : undefined} />;
}

function Over() {
  const a = useQuery<{ series: MachineSeries[] }>('/api/gpu/curves', { sources: [] });
  return (
    <Shown of={a}>{(doc) => (!doc.series.length ? <Empty title="Nothing was measured yet" /> : (
      <div class="charts three">
        {KINDS.map(([title, pattern, show]) => {
          const list = doc.series.filter((s) => pattern.test(s.name));
          return list.length > 0 && <TimeChart key={title} title={title} list={list} show={show} />;
        })}
      </div>
    ))}</Shown>
  );
}

function useMachines(): Answer<Machines> {
  return useQuery<Machines>('/api/gpu');
}

export function Gpu() {
  const a = useMachines();
  return (
    <>
      <div class="panel-head"><h2>GPU and host</h2></div>
      <Shown of={a} lines={6}>{(doc) => <div class="grid wide-cells">{doc.machines.map((m) => <MachineCard key={m.name} m={m} />)}</div>}</Shown>
      <Over />
    </>
  );
}

export function GpuCard() {
  const a = useMachines();
  return (
    <Card title="GPU and host" more={href('gpu')}>
      <Shown of={a}>{(doc) => (
        <>
          {doc.machines.map((m) => (
            <dl class="stats" key={m.name}>
              <Stat label={m.self ? 'this machine' : 'beside it'}><Text of={m.name} most={30} /></Stat>
              {!m.reachable && !m.self ? <Stat label="state"><span class="c-warning" title={m.reason ?? ''}>not reachable</span></Stat> : (
                <>
                  {(m.gpus ?? []).slice(0, 8).map((g) => (
                    <Stat label={`GPU ${g.index}`} sub={<> {bytes(g.memory_used_bytes)} · {fixed(g.temperature_celsius, 0)} °C</>}><Value v={g.utilization_percent} show={(x) => `${fixed(x, 0)} %`} why={g.utilization_percent_reason as string} /></Stat>
                  ))}
                  {!m.gpus?.length && <Stat label="GPU"><span class="quiet" title={m.gpu_reason ?? ''}>none</span></Stat>}
                  <Stat label="CPU"><Value v={m.host?.cpu_percent} show={(x) => `${fixed(x, 0)} %`} why={m.host?.cpu_percent_reason as string} /></Stat>
                  <Stat label="memory" sub={m.host ? <> of {bytes(m.host.memory_total_bytes)}</> : undefined}><Value v={m.host?.memory_used_bytes} show={bytes} why={m.host?.memory_used_bytes_reason as string} /></Stat>
                </>
              )}
            </dl>
          ))}
          {!doc.machines.length && <Empty title={`${count(0)} machines`} />}
        </>
      )}</Shown>
    </Card>
  );
}
