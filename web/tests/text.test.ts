import assert from 'node:assert/strict';
import { test } from 'node:test';
import { head, pieces, plain, splitThink } from '../src/text';

const marks = (s: string) => pieces(s).filter((p) => p.mark).map((p) => p.text);

test('what turns the reading direction around is shown as a mark', () => {
  assert.deepEqual(marks('a\u202Eb\u2066c\u2069'), ['RLO', 'LRI', 'PDI']);
  assert.equal(pieces('a\u202Eb').map((p) => p.text).join('|'), 'a|RLO|b');
  assert.equal(pieces('\u202E')[0]!.title, 'U+202E right-to-left override');
});

test('a terminal\'s colours are shown as text', () => {
  assert.deepEqual(pieces('\x1b[31mred').map((p) => p.text), ['ESC', '[31mred']);
  assert.deepEqual(marks('\x07\x00\x7f\x9b'), ['BEL', 'NUL', 'DEL', 'U+009B']);
});

test('line feeds, tabs, emoji with joiners and right-to-left letters stay as they are', () => {
  for (const s of ['a\n\tb', '👩‍👩‍👧', 'שלום', 'می‌خواهم', 'é'])
    assert.deepEqual(pieces(s), [{ mark: false, text: s }]);
});

test('invisible tags and halves of surrogate pairs are marks', () => {
  assert.deepEqual(marks('a\u{e0041}b'), ['U+E0041']);
  assert.deepEqual(marks('a\ud800b'), ['U+D800']);
});

test('a text of nothing but marks makes a bounded number of elements', () => {
  const list = pieces('\u202e'.repeat(100000));
  assert.ok(list.length <= 2001);
  assert.ok(!list.some((p) => !p.mark && p.text.includes('\u202e')));
});

test('titles have no character that a mark would show', () => {
  assert.equal(plain('a\u202Eb\x1b'), 'a[RLO]b[ESC]');
});

test('a cut never tears a character apart', () => {
  assert.equal(head('ab😀', 3), 'ab');
  assert.equal(head('ab😀', 4), 'ab😀');
});

test('a think block counts at the start alone, and one that never closes leaves no answer', () => {
  assert.deepEqual(splitThink('<think>x</think>\n42'), { think: 'x', closed: true, rest: '42' });
  assert.deepEqual(splitThink('<think>x'), { think: 'x', closed: false, rest: '' });
  assert.deepEqual(splitThink('42 <think>x</think>'), { think: null, closed: false, rest: '42 <think>x</think>' });
});
