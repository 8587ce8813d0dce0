import {EXIT, NixError} from '../errors.ts'
import {isSignedBy, signText, type PublicKey, type SecretKey} from '../signing/nix-key.ts'
import type {SucceededBuild} from './record.ts'

/**
 * The exact bytes that a finished record's signature is over: UTF-8, one field a line, each line ended by `\n`,
 * a missing commit written `-`, the flags as JSON, programs and references joined by `,`, one `path` line for each
 * path of the closure in the record's order. No other field can hold a line break (parse-record.ts).
 *
 * A machine without Node makes the same bytes with `jq --raw-output "$SIGNED_TEXT_JQ"` and checks them with
 * `openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey KEY -in TEXT -sigfile SIGNATURE`, KEY being the bytes
 * 302a300506032b6570032100 (hex) and the 32 bytes of the public key. test/lib/build/signed-text.test.ts does so.
 */
export function signedText(record: Omit<SucceededBuild, 'signature'>): string {
  const {app, id, source, buildFlags, outcome} = record
  return [
    'heroku-nix-build-1',
    `app ${app}`,
    `id ${id}`,
    `source ${source.sha256}`,
    `tree ${source.tree}`,
    `commit ${source.commit ?? '-'}`,
    `flags ${JSON.stringify(buildFlags)}`,
    `engine ${outcome.engine}`,
    `result ${outcome.result}`,
    `programs ${outcome.programs.join(',')}`,
    `layer ${outcome.layer.digest} ${outcome.layer.sha256} ${outcome.layer.size} ${outcome.layer.unpackedSize}`,
    `listing ${outcome.listing.key} ${outcome.listing.sha256}`,
    ...outcome.closure.map(path => `path ${path.path} ${path.narHash} ${path.narSize} ${path.references.join(',')}`),
  ].map(line => `${line}\n`).join('')
}

/** The same as a jq program (jq ends each output with a newline itself). */
export const SIGNED_TEXT_JQ = String.raw`
  "heroku-nix-build-1",
  "app \(.app)",
  "id \(.id)",
  "source \(.source.sha256)",
  "tree \(.source.tree)",
  "commit \(.source.commit // "-")",
  "flags \(.buildFlags | tojson)",
  (.outcome |
    "engine \(.engine)",
    "result \(.result)",
    "programs \(.programs | join(","))",
    "layer \(.layer | "\(.digest) \(.sha256) \(.size) \(.unpackedSize)")",
    "listing \(.listing.key) \(.listing.sha256)",
    (.closure[] | "path \(.path) \(.narHash) \(.narSize) \(.references | join(","))"))`

/** The finished record with its signature. */
export function signRecord(record: Omit<SucceededBuild, 'signature'>, key: SecretKey): SucceededBuild {
  return {...record, signature: signText(signedText(record), key)}
}

/** Whether this key signed exactly what the record says. */
export function isRecordSignedBy(record: SucceededBuild, key: PublicKey): boolean {
  return isSignedBy(signedText(record), record.signature, key)
}

/**
 * Refuses a record that this app's key did not sign, and one that was signed for another app: without this,
 * writing to the bucket would be running code in web dynos.
 * @throws NixError BAD_SIGNATURE
 */
export function verifyRecord(record: SucceededBuild, {app, id, key}: {app: string; id: string; key: PublicKey}): void {
  if (record.app !== app || record.id !== id || !isRecordSignedBy(record, key)) {
    throw new NixError(`The record of build ${id} of ${app} is not signed with NIX_SIGNING_KEY's key "${key.name}".`, {
      code: 'BAD_SIGNATURE', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
    })
  }
}
