import assert from 'node:assert/strict';
import { test } from 'node:test';
import { align, bounds, closest, clampRange, csv, wilson } from '../src/series';

test('series that were decimated each by itself come onto one axis and keep every point', () => {
  const a = { x: [1, 5, 9], y: [10, 50, 90] }, b = { x: [1, 4, 5], y: [0.1, null, 0.5] };
  assert.deepEqual(align([a, b]), [[1, 4, 5, 9], [10, undefined, 50, 90], [0.1, null, 0.5, undefined]]);
});

test('a step that was logged without a number stays a gap, another series\' step does not', () => {
  const [, y] = align([{ x: [1, 2, 3], y: [1, null, 3] }, { x: [2.5], y: [9] }]);
  assert.equal(y![1], null);
  assert.equal(y![2], undefined);
});

test('a range stays within what there is, and all of it is no zoom', () => {
  assert.deepEqual(clampRange([-50, 50], [0, 1000]), [0, 100]);
  assert.deepEqual(clampRange([950, 1050], [0, 1000]), [900, 1000]);
  assert.equal(clampRange([-10, 2000], [0, 1000]), null);
  assert.deepEqual(clampRange([500, 500.1], [0, 1000], 10), [500, 510]);
});

test('what a cursor reads is the nearest point of whatever data there is', () => {
  assert.equal(closest([1, 5, 9], 4), 1);
  assert.equal(closest([1, 5, 9], 2), 0);
  assert.equal(closest([1, 5, 9], 99), 2);
  assert.equal(closest([1, 5, 9], -3), 0);
  assert.equal(closest([], 1), null);
  assert.equal(closest([1], null), null);
});

test('bounds leave out what is no number', () => {
  assert.deepEqual(bounds([[1, null, undefined, 5], [NaN, -2]]), [-2, 5]);
  assert.equal(bounds([[null]]), null);
});

test('no cell of a CSV file is a formula', () => {
  assert.equal(csv(['step', '=cmd'], [[1, 'a,"b"'], [null, '@x']]), 'step,\'=cmd\r\n1,"a,""b"""\r\n,\'@x\r\n');
});

test('the interval of a share is Wilson\'s', () => {
  const [low, high] = wilson(279, 300)!;
  assert.ok(Math.abs(low - 0.89536398957406671) < 1e-12);
  assert.ok(Math.abs(high - 0.95376305517282367) < 1e-12);
  assert.equal(wilson(0, 0), null);
});
