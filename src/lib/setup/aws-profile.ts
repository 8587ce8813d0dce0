import {fromIni} from '@aws-sdk/credential-provider-ini'
import {EXIT, NixError} from '../errors.ts'

/**
 * The keys of a profile in ~/.aws, found as the AWS CLI finds them.
 * @throws NixError NO_PROFILE, TEMPORARY_KEYS: a dyno needs keys that last
 */
export async function profileCredentials(profile: string): Promise<{key: string; secret: string; from: string}> {
  const keys = await fromIni({profile, ignoreCache: true})().catch((error: unknown) => {
    throw new NixError(`The AWS profile "${profile}" gives no access key: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'NO_PROFILE', exit: EXIT.setup, suggestions: ['aws configure list-profiles'],
    })
  })
  if (keys.sessionToken !== undefined) {
    throw new NixError(`The AWS profile "${profile}" gives temporary keys, which end within hours; dynos need keys that last.`, {
      code: 'TEMPORARY_KEYS', exit: EXIT.setup,
      suggestions: ['make an access key for a user of its own: https://console.aws.amazon.com/iam', 'heroku nix:setup --key AKIA…'],
    })
  }

  return {key: keys.accessKeyId, secret: keys.secretAccessKey, from: `the AWS profile ${profile}`}
}
