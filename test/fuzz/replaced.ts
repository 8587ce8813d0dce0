import fc from 'fast-check'

/** Which of a value's fields, however deep, becomes what. */
export const replacement = fc.record({
  at: fc.array(fc.nat(20), {minLength: 1, maxLength: 6}),
  value: fc.oneof(
    fc.constantFrom<unknown>(null, '', 0, -1, 1e300, '../../x', '\u001b[2J', 'a\nb', [], {}, true, 'succeeded', '/nix/store/x', ['b', 'a'], 'x'.repeat(70_000)),
    fc.anything({maxDepth: 1}), fc.string({unit: 'binary'}),
  ),
})

/** The value with that field replaced. */
export function replaced(value: unknown, at: readonly number[], by: unknown): unknown {
  if (typeof value !== 'object' || value === null || at.length === 0) return by
  const [first = 0, ...rest] = at
  const keys = Object.keys(value)
  if (keys.length === 0) return by
  const key = keys[first % keys.length] ?? ''
  const inner = replaced((value as Record<string, unknown>)[key], rest, by)
  return Array.isArray(value) ? value.with(Number(key), inner) : {...value, [key]: inner}
}
