/* Wheel, pan, touch and keys of a chart; dragging a range is uPlot's own. */
import type uPlot from 'uplot';
import { panBy, type Zoom, zoomBy, zoomTo } from './zoom';

/* uPlot's third argument, which its types leave out, tells the charts that share the cursor. */
function moveCursor(u: uPlot, left: number, top: number): void {
  (u.setCursor as (at: { left: number; top: number }, fire: boolean, publish: boolean) => void)({ left, top }, true, true);
}

/* The wheel belongs to the page until the chart was clicked or focused: a page that stops scrolling
 * because a chart came under the pointer is a trap.  A pinch on a touchpad is a wheel with Ctrl. */
function onWheel(u: uPlot, z: Zoom, host: HTMLElement): (e: WheelEvent) => void {
  return (e) => {
    const inside = host.contains(document.activeElement);
    if (!e.ctrlKey && !e.metaKey && !inside) return;
    e.preventDefault();
    const width = u.over.clientWidth;
    if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) {
      panBy(z, (e.deltaX || e.deltaY) / width);
      return;
    }
    const left = e.clientX - u.over.getBoundingClientRect().left;
    zoomBy(z, Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.004), u.posToVal(left, 'x'));
  };
}

/* Shift or the middle button drags the axis along. */
export function startPan(u: uPlot, z: Zoom, e: MouseEvent): void {
  e.preventDefault();
  let last = e.clientX;
  const move = (m: MouseEvent) => {
    panBy(z, (last - m.clientX) / u.over.clientWidth);
    last = m.clientX;
  };
  const up = () => {
    window.removeEventListener('mousemove', move);
    window.removeEventListener('mouseup', up);
  };
  window.addEventListener('mousemove', move);
  window.addEventListener('mouseup', up);
}

/* One finger reads, two fingers zoom and pan; up and down scrolls the page (touch-action). */
function touch(u: uPlot, z: Zoom): () => void {
  const at = new Map<number, number>();
  const spread = () => {
    const [a = 0, b = 0] = [...at.values()];
    return { width: Math.max(Math.abs(a - b), 20), middle: (a + b) / 2 };
  };
  const move = (e: PointerEvent) => {
    if (e.pointerType !== 'touch' || !at.has(e.pointerId)) return;
    const box = u.over.getBoundingClientRect();
    const before = at.size === 2 ? spread() : null;
    at.set(e.pointerId, e.clientX - box.left);
    if (!before) {
      moveCursor(u, e.clientX - box.left, e.clientY - box.top);
      return;
    }
    const after = spread();
    zoomBy(z, before.width / after.width, u.posToVal(before.middle, 'x'));
    panBy(z, (before.middle - after.middle) / box.width);
  };
  const down = (e: PointerEvent) => {
    if (e.pointerType !== 'touch') return;
    at.set(e.pointerId, e.clientX - u.over.getBoundingClientRect().left);
    move(e);
  };
  const up = (e: PointerEvent) => void at.delete(e.pointerId);
  const events: [string, (e: PointerEvent) => void][] =
    [['pointerdown', down], ['pointermove', move], ['pointerup', up], ['pointercancel', up]];
  for (const [name, f] of events) u.over.addEventListener(name, f as EventListener);
  return () => {
    for (const [name, f] of events) u.over.removeEventListener(name, f as EventListener);
  };
}

/* Keys: arrows read point by point, with Shift they pan; + and − zoom, 0 or Escape shows all. */
export function onKey(u: uPlot, z: Zoom, e: KeyboardEvent): boolean {
  const actions: Record<string, () => void> = {
    '+': () => zoomBy(z, 0.6, cursorX(u)),
    '=': () => zoomBy(z, 0.6, cursorX(u)),
    '-': () => zoomBy(z, 1 / 0.6, cursorX(u)),
    '0': () => zoomTo(z, null),
    Escape: () => zoomTo(z, null),
    Home: () => readPoint(u, -Infinity),
    End: () => readPoint(u, Infinity),
    ArrowLeft: () => (e.shiftKey ? panBy(z, -0.2) : readPoint(u, -1)),
    ArrowRight: () => (e.shiftKey ? panBy(z, 0.2) : readPoint(u, 1)),
    PageUp: () => readPoint(u, -20),
    PageDown: () => readPoint(u, 20),
  };
  const action = e.ctrlKey || e.metaKey || e.altKey ? undefined : actions[e.key];
  if (!action) return false;
  e.preventDefault();
  action();
  return true;
}

function cursorX(u: uPlot): number | undefined {
  const left = u.cursor.left;
  return left !== undefined && left !== null && left >= 0 ? u.posToVal(left, 'x') : undefined;
}

function readPoint(u: uPlot, by: number): void {
  const xs = u.data[0], scale = u.scales.x!;
  if (!xs.length) return;
  let first = 0, last = xs.length - 1;
  while (first < last && xs[first]! < scale.min!) first++;
  while (last > first && xs[last]! > scale.max!) last--;
  const from = u.cursor.idx ?? (by < 0 ? last + 1 : first - 1);
  const to = Math.max(first, Math.min(last, from + by));
  moveCursor(u, u.valToPos(xs[to]!, 'x'), u.over.clientHeight / 2);
}

export function interact(u: uPlot, z: Zoom, host: HTMLElement): () => void {
  const wheel = onWheel(u, z, host);
  u.over.addEventListener('wheel', wheel, { passive: false });
  const untouch = touch(u, z);
  return () => {
    u.over.removeEventListener('wheel', wheel);
    untouch();
  };
}
