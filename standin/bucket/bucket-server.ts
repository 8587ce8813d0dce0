import {mkdir} from 'node:fs/promises'
import {createServer} from 'node:http'
import type {IncomingMessage, ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {StandinError} from '../errors.ts'
import {isBucketName} from './bucket-operations.ts'
import {BucketStores} from './bucket-store.ts'
import type {BucketOptions, BucketServer, S3Action} from './contract.ts'
import {loadCredentials} from './credentials.ts'
import {answer} from './listener.ts'
import {serve} from './service.ts'
import {SignatureVerifier} from './signature-verifier.ts'

/**
 * Starts an S3 server on 127.0.0.1 that is as strict as AWS or stricter, with one bucket in it. Own code, because
 * no server on npm refuses what AWS refuses: anonymous writes, overwrites under If-None-Match, torn objects.
 */
export async function startBucket({dir, port, bucket, region, credentials, clock = () => new Date(), denied = []}: BucketOptions): Promise<BucketServer> {
  if (!isBucketName(bucket)) {
    throw new StandinError(`${JSON.stringify(bucket)} is not a name that S3 allows for a bucket.`, ['Take 3 to 63 lower-case letters, digits and hyphens.'])
  }

  await mkdir(dir, {recursive: true})
  const {key, secret} = credentials ?? await loadCredentials(dir)
  const stores = await BucketStores.open(join(dir, 'buckets'))
  await stores.create(bucket)

  let deniedNow: ReadonlySet<S3Action> = new Set(denied)
  const options = {stores, region, clock, verifier: new SignatureVerifier({credentials: {key, secret}, region, clock}), denied: () => deniedNow}
  const listener = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) =>
    void answer({request, response, expectsContinue}, serviceRequest => serve(serviceRequest, options))
  const server = createServer({keepAliveTimeout: 60_000}, listener(false))
  server.on('checkContinue', listener(true))
  // The whole of a request may take longer than Node's five minutes.
  server.requestTimeout = 0

  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new StandinError(`The bucket cannot listen on 127.0.0.1:${port}: ${error.message}`, ['Take another port, or 0 for any.'], {cause: error})))
    server.listen(port, '127.0.0.1', resolve)
  })

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region, bucket, key, secret,
    deny: actions => {
      deniedNow = new Set(actions)
    },
    close: () => new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}
