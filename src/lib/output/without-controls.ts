/** Text from outside, fit for a message: what would move a terminal's cursor is U+FFFD. One line. */
export function withoutControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\uFFFD')
}
