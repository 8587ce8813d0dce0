import type {PutObjectCommand} from '@aws-sdk/client-s3'

/** Has a body's hash signed that is known, in hex: the store refuses another body. The SDK would compute it anew, or not at all. */
export function signContent({middlewareStack}: PutObjectCommand, sha256: string): void {
  middlewareStack.add(next => args => {
    (args.request as {headers: Record<string, string>}).headers['x-amz-content-sha256'] = sha256
    return next(args)
  }, {step: 'build', name: 'contentSha256'})
}
