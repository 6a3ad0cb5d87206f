import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diff, type Part } from '../src/diff';

const before = (d: Part[]) => d.filter((p) => p.op !== 'new').map((p) => p.text).join('');
const after = (d: Part[]) => d.filter((p) => p.op !== 'gone').map((p) => p.text).join('');

test('one letter changed in a short answer is one letter of difference', () => {
  assert.deepEqual(diff('12345', '12845'), [
    { op: 'same', text: '12' }, { op: 'gone', text: '3' }, { op: 'new', text: '8' }, { op: 'same', text: '45' }]);
});

test('long answers differ by words', () => {
  const a = 'the quick brown fox jumps over the lazy dog and then goes home to sleep until the morning comes';
  const d = diff(a, a.replace('brown', 'red'));
  assert.deepEqual(d.filter((p) => p.op !== 'same'), [{ op: 'gone', text: 'brown' }, { op: 'new', text: 'red' }]);
});

test('both texts can be put together again from any difference', () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 400; i++) {
    const make = () => Array.from({ length: random(60) }, () => ['a', 'b', ' ', 'cd', 'é', '😀', '\n'][random(7)]).join('');
    const a = make(), b = make(), d = diff(a, b);
    assert.equal(before(d), a);
    assert.equal(after(d), b);
  }
});

test('an edit is as short as it can be', () => {
  const d = diff('ABCABBA', 'CBABAC');
  const edits = d.filter((p) => p.op !== 'same').reduce((n, p) => n + p.text.length, 0);
  assert.equal(edits, 5);
});

test('a megabyte without anything in common is one replacement', () => {
  const a = 'x '.repeat(500000), b = 'y '.repeat(500000);
  const d = diff(a, b);
  assert.equal(before(d), a);
  assert.equal(after(d), b);
  assert.ok(d.length < 5);
});

test('the same text is no difference', () => {
  assert.deepEqual(diff('a b', 'a b'), [{ op: 'same', text: 'a b' }]);
  assert.deepEqual(diff('', ''), []);
});
