import {EXIT, NixError, type ExitCode} from '../errors.ts'

/** What was asked of the bucket when it failed. */
export interface S3Request {
  /** the IAM action, e.g. `s3:PutObject` */
  action: string
  bucket: string
  /** null where the whole bucket was asked */
  key: string | null
  region: string
  /** null: AWS */
  endpoint: string | null
}

/** What is known of the failure, without what an SDK's error carries (it holds the request's headers). */
export interface S3Failure {
  /** S3's error code or Node's: `NoSuchBucket`, `ECONNREFUSED` */
  name: string
  message: string
  /** null: there was no answer */
  status: number | null
  /** the bucket's region, where the answer named it */
  region: string | null
}

const UNREACHABLE = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'TimeoutError', 'RequestTimeout']
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS/

/** Whether a failure can pass by itself, so that a long build may wait for it. */
export function isPassing(error: unknown): error is NixError {
  return error instanceof NixError && (error.code === 'BUCKET_BUSY' || error.code === 'BUCKET_UNREACHABLE')
}

/** Says what a failed request means for the user: which config var is wrong, which action is missing, what to type. */
export function explainS3Failure(failure: S3Failure, request: S3Request): NixError {
  const {bucket, action, region} = request
  const where = request.endpoint ?? `AWS in ${region}`
  const thing = request.key === null ? `bucket ${bucket}` : `${request.key} in bucket ${bucket}`
  const error = (message: string, code: string, exit: ExitCode, suggestions: string[]) => new NixError(message, {
    code, exit, suggestions,
    // The SDK's own error is not the cause: printing it would print the signed request.
    cause: new Error(`${failure.name}: ${failure.message}`),
  })

  switch (failure.name) {
    case 'NoSuchBucket':
      return error(`There is no bucket ${bucket} at ${where}.`, 'NO_SUCH_BUCKET', EXIT.setup, ['heroku nix:setup'])

    case 'InvalidBucketName':
      return error(`NIX_S3_BUCKET is "${bucket}", which is no name that a bucket can have.`, 'NO_SUCH_BUCKET', EXIT.setup, ['heroku nix:setup'])

    case 'InvalidAccessKeyId':
      return error(`${where} does not know the access key in NIX_S3_KEY (bucket ${bucket}).`, 'BAD_S3_KEY', EXIT.setup, ['heroku nix:setup'])

    case 'SignatureDoesNotMatch':
      return error(`NIX_S3_SECRET is not the secret that belongs to NIX_S3_KEY (bucket ${bucket} at ${where}).`, 'BAD_S3_SECRET', EXIT.setup, ['heroku nix:setup'])

    case 'PermanentRedirect': case 'AuthorizationHeaderMalformed': case 'IllegalLocationConstraintException': {
      const actual = failure.region ?? /expecting '([\w-]+)'/.exec(failure.message)?.[1]
      return actual === undefined
        ? error(`Bucket ${bucket} is not in ${region}, as NIX_S3_REGION has it.`, 'WRONG_REGION', EXIT.setup, ['heroku nix:setup'])
        : error(`Bucket ${bucket} is in ${actual}, not in ${region} as NIX_S3_REGION has it.`, 'WRONG_REGION', EXIT.setup,
            [`heroku config:set NIX_S3_REGION=${actual}`])
    }

    case 'RequestTimeTooSkewed':
      return error(`This machine's clock differs from that of ${where} by more than 15 minutes, so every request is refused.`, 'CLOCK_SKEWED', EXIT.unavailable,
        ['set the clock, then run the command again'])

    // Ceph's quotas, MinIO's full disks, and what others may call it.
    case 'QuotaExceeded': case 'XMinioStorageFull': case 'InsufficientStorage': case 'ServiceQuotaExceededException':
      return full()

    case 'PreconditionFailed':
      return error(`${thing} was changed while it was read.`, 'OBJECT_CHANGED', EXIT.unavailable, ['run the command again'])

    case 'SlowDown': case 'ServiceUnavailable': case 'InternalError': case 'ThrottlingException': case 'TooManyRequestsException':
      return busy()
  }

  if (UNREACHABLE.includes(failure.name)) {
    return error(`Bucket ${bucket} cannot be reached at ${where}: ${failure.name}.`, 'BUCKET_UNREACHABLE', EXIT.unavailable,
      ['check the connection and NIX_S3_ENDPOINT, then run the command again'])
  }

  if (CERTIFICATE.test(failure.name)) {
    return error(`${where} has no certificate that this machine trusts: ${failure.name}.`, 'BUCKET_UNREACHABLE', EXIT.setup, ['heroku nix:setup'])
  }

  if (failure.status === 507) return full()

  if (failure.status === 403 || failure.status === 401) {
    return error(`${where} does not permit ${action} on ${thing} with the access key in NIX_S3_KEY.`, 'ACCESS_DENIED', EXIT.setup,
      ['heroku nix:setup, which prints the IAM policy that is needed'])
  }

  if (failure.status === 301 || failure.status === 307 || failure.status === 400 && failure.region !== null && failure.region !== region) {
    return explainS3Failure({...failure, name: 'PermanentRedirect', status: null}, request)
  }

  if (failure.status !== null && failure.status >= 500 || failure.status === 429) {
    return busy()
  }

  return error(`${action} on ${thing} failed at ${where}: ${failure.name}: ${failure.message}`, 'BUCKET_FAILED', EXIT.unavailable, ['heroku nix:setup'])

  function full(): NixError {
    return error(`Bucket ${bucket} at ${where} is full, or has reached its quota: ${action} on ${thing} was answered with ${failure.name}.`, 'BUCKET_FULL', EXIT.unavailable,
      ['heroku nix:cache:gc, which deletes what nobody wants any more', 'heroku nix:cache:info, which says what it holds'])
  }

  function busy(): NixError {
    return error(`${where} is too busy: ${action} on ${thing} was answered with ${failure.status ?? 503} ${failure.name} again and again.`, 'BUCKET_BUSY', EXIT.unavailable,
      ['run the command again in a minute'])
  }
}

/**
 * Takes from whatever the SDK threw the little that may be shown.
 * @param secrets replaced wherever a server quotes them
 */
export function readS3Failure(thrown: unknown, secrets: readonly string[]): S3Failure {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    name?: unknown; code?: unknown; Code?: unknown; message?: unknown
    $metadata?: {httpStatusCode?: unknown}; $response?: {headers?: Record<string, unknown>}
  }
  // A refused connection to a name with several addresses is an AggregateError whose parts have the code.
  const first = thrown instanceof AggregateError ? thrown.errors[0] as {code?: unknown} | undefined : undefined
  const status = error.$metadata?.httpStatusCode
  const region = error.$response?.headers?.['x-amz-bucket-region']
  const name = [error.Code, error.code, first?.code, error.name].find(value => typeof value === 'string' && value !== '' && value !== 'Error')
  const message = typeof error.message === 'string' ? error.message : String(thrown)
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: secrets.filter(secret => secret !== '').reduce((text, secret) => text.replaceAll(secret, '[hidden]'), message),
    status: typeof status === 'number' ? status : null,
    region: typeof region === 'string' ? region : null,
  }
}
