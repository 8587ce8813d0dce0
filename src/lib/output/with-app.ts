/** A command of ours or of the CLI that means one app, up to where it ends or a remark begins. */
const COMMAND = /\bheroku (nix:[\w:]+|config:(?:set|unset)|releases(?::\w+)?|ps(?::\w+)?|rollback)\b(?![^,;(&|]*\s--app\b)/g

/** Makes a suggestion fit to be typed anywhere: without a Git remote the CLI does not know which app is meant. */
export function withApp(suggestion: string, app: string): string {
  return suggestion.replaceAll(COMMAND, (_, command: string) => `heroku ${command} --app ${app}`)
}
