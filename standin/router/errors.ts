/** The router's errors. devcenter.heroku.com/articles/error-codes */
export type RouterCode = keyof typeof DESCRIPTIONS

const DESCRIPTIONS = {
  H10: 'App crashed',
  H12: 'Request timeout',
  H13: 'Connection closed without response',
  H14: 'No web processes running',
  H18: 'Server Request Interrupted',
  H20: 'App boot timeout',
  H21: 'Backend connection refused',
  H27: 'Client Request Interrupted',
  H80: 'Maintenance mode',
  H81: 'Blank app',
} as const

export function describeCode(code: RouterCode): string {
  return DESCRIPTIONS[code]
}

/** The page that a browser gets in place of the app's. */
export function errorPage(code: RouterCode): string {
  const [title, text] = {
    H80: ['Offline for Maintenance', 'This application is undergoing maintenance right now. Please check back later.'],
    H81: ['No such app', 'There is nothing here yet. No code has been deployed to this application.'],
  }[code as string] ?? ['Application error', 'An error occurred in the application and your page could not be served. If you are the application owner, check your logs for details. You can do this from the Heroku CLI with the command <code>heroku logs --tail</code>']
  return `<!DOCTYPE html>
<html>
  <head><meta charset="utf-8"><title>${title ?? ''}</title></head>
  <body><h1>${title ?? ''}</h1><p>${text ?? ''}</p></body>
</html>
`
}
