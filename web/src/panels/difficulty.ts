/* How difficulties look and in which order they come, wherever they are shown. */

const DIFFICULTY: Record<string, [string, number[] | undefined]> = {
  easy: ['s1', undefined], medium: ['s2', [6, 3]], hard: ['s3', [2, 3]],
};
/* As people count them; what else there is comes after, as it is given. */
export function byDifficulty<T>(of: Record<string, T> | null | undefined): [string, T][] {
  const place = (name: string) => (name in DIFFICULTY ? Object.keys(DIFFICULTY).indexOf(name) : 99);
  return Object.entries(of ?? {}).sort((a, b) => place(a[0]) - place(b[0]));
}

const OTHERS = ['s4', 's5', 's6'];

export function difficultyLook(name: string, i: number): [string, number[] | undefined] {
  return DIFFICULTY[name] ?? [OTHERS[i % OTHERS.length]!, undefined];
}
