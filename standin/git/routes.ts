import {spawn} from 'node:child_process'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {pipeline} from 'node:stream/promises'
import type {Context} from '../platform/context.ts'
import {checkToken} from '../platform/http/access.ts'
import {ApiError} from '../platform/http/errors.ts'
import type {RawRoute} from '../platform/http/route.ts'
import {findApp} from '../platform/resources/find-app.ts'
import type {AppRecord} from '../state/model.ts'
import {readCgiHead} from './cgi.ts'
import {gitEnvironment} from './git.ts'

/**
 * Git's smart HTTP protocol at `/APP.git`, spoken by git's own http-backend: gzipped and chunked requests, protocol versions and
 * sidebands are its business.
 */
export function gitRoutes(context: Context): RawRoute[] {
  return [['GET', 'info/refs'], ['POST', 'git-receive-pack'], ['POST', 'git-upload-pack']].map(([method = '', service = '']) => ({
    method, pattern: `/{repository}/${service}`,
    async handle({params: {repository = ''}, url, request, response}) {
      if (!repository.endsWith('.git')) throw new ApiError(404, 'not_found', 'The requested API endpoint was not found.')
      const app = authorize(context, repository.slice(0, -'.git'.length), request, response)
      if (app) await serve({app, service, url}, context, request, response)
      return null
    },
  }))
}

/** The app; null where the answer says why not. Git shows text/plain to its user. */
function authorize(context: Context, name: string, request: IncomingMessage, response: ServerResponse): AppRecord | null {
  try {
    checkToken(request.headers.authorization, context.token)
  } catch {
    refuse(response, 401, 'Invalid credentials provided.', {'WWW-Authenticate': 'Basic realm="Heroku Git"'})
    return null
  }

  try {
    return findApp(context, {app: name})
  } catch {
    refuse(response, 404, `!\tNo such app as ${name}.`)
    return null
  }
}

function refuse(response: ServerResponse, status: number, message: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {...headers, 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close'}).end(`${message}\n`)
}

async function serve(
  {app, service, url}: {app: AppRecord; service: string; url: URL}, {git}: Context, request: IncomingMessage, response: ServerResponse,
): Promise<void> {
  const repository = await git.repository(app)
  const hook = git.announce(app, repository)
  const {headers} = request
  const optional = {
    CONTENT_TYPE: headers['content-type'], CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'], GIT_PROTOCOL: headers['git-protocol'],
  }
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...gitEnvironment(), ...hook.env, GIT_PROJECT_ROOT: repository, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: `/${service}`,
      REQUEST_METHOD: request.method ?? '', QUERY_STRING: url.search.slice(1), REMOTE_USER: 'heroku', REMOTE_ADDR: '127.0.0.1',
      ...Object.fromEntries(Object.entries(optional).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    },
  })
  try {
    // A push that is refused is not read to its end.
    pipeline(request, backend.stdin).catch(() => undefined)
    const {status, headers: answered, rest} = await readCgiHead(backend.stdout)
    response.writeHead(status, answered)
    response.write(rest)
    await pipeline(backend.stdout, response)
  } finally {
    hook.forget()
  }
}
