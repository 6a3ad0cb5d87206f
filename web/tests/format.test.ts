import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, bytes, change, count, duration, fixed, interval, percent, plural, pvalue, short, si } from '../src/format';

test('what is not known is a dash, never a zero', () => {
  for (const f of [count, fixed, short, percent, change, si, bytes, duration, pvalue])
    for (const v of [null, undefined, NaN, Infinity]) assert.equal(f(v), '–');
  assert.equal(interval(null, 1), '–');
});

test('numbers keep the digits that they have', () => {
  assert.equal(short(0.022851325), '0.02285');
  assert.equal(short(4.8666685e-10, 3), '4.9e−10');
  assert.equal(short(0), '0');
  assert.equal(short(12345.6), '12,346');
  assert.equal(percent(0.93), '93.0 %');
  assert.equal(count(-1200), '−1,200');
  assert.equal(fixed(-0.0001, 2), '0.00');
});

test('a change says its direction', () => {
  assert.equal(change(1.25), '+1.3');
  assert.equal(change(-0.5), '−0.5');
  assert.equal(change(0.00001), '0.0');
});

test('sizes and times have their units', () => {
  assert.equal(bytes(3315200), '3.2 MiB');
  assert.equal(bytes(512), '512 B');
  assert.equal(si(35911.1), '35.9k');
  assert.equal(duration(0), '0 s');
  assert.equal(duration(0.0002), '<1 ms');
  assert.equal(duration(0.0051), '5 ms');
  assert.equal(duration(0.0951), '0.1 s');
  assert.equal(duration(3121), '52 min');
  assert.equal(duration(90061), '25 h 01 min');
  assert.equal(ago(1000, 1000 + 61000), '61 s ago');
  assert.equal(plural(1, 'answer'), '1 answer');
  assert.equal(plural(2, 'answer'), '2 answers');
});

test('a small p keeps its size', () => {
  assert.equal(pvalue(2.1e-7), '2.1e−7');
  assert.equal(pvalue(0.5), '0.500');
});
