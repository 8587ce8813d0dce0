import {createPrivateKey, createPublicKey, sign, verify, type KeyObject} from 'node:crypto'
import {EXIT, NixError} from '../errors.ts'

/** An ed25519 secret key as Nix writes it: `name:base64(32 bytes of seed + 32 bytes of public key)`. */
export interface SecretKey {
  name: string
  seed: Buffer
  publicKey: PublicKey
}

/** An ed25519 public key as Nix writes it: `name:base64(32 bytes)`. */
export interface PublicKey {
  name: string
  bytes: Buffer
}

// The fixed ASN.1 in front of a raw ed25519 key (RFC 8410), because node:crypto and openssl take no raw ones.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Of each seed, made once: that takes longer than signing. */
const privateKeys = new WeakMap<Buffer, KeyObject>()

function privateKeyObject(seed: Buffer): KeyObject {
  const key = privateKeys.get(seed) ?? createPrivateKey({key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8'})
  privateKeys.set(seed, key)
  return key
}

const publicKeyObject = ({bytes}: PublicKey) =>
  createPublicKey({key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki'})

/** Splits `name:base64`; null where it is anything else. */
function split(text: string, length: number): {name: string; bytes: Buffer} | null {
  const [, name, base64] = /^([\w.-]+):([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(base64 ?? '', 'base64')
  return name && bytes.length === length ? {name, bytes} : null
}

/**
 * Reads NIX_SIGNING_KEY.
 * @throws NixError BAD_CONFIG_VAR, which does not hold the value
 */
export function parseSecretKey(text: string): SecretKey {
  const parts = split(text, 64)
  const seed = parts?.bytes.subarray(0, 32)
  const publicKey = seed && rawPublicKey(seed)
  if (!parts || !seed || !publicKey?.equals(parts.bytes.subarray(32))) {
    throw new NixError('NIX_SIGNING_KEY is not a Nix secret key (name:base64, as `nix key generate-secret` prints it).', {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: ['heroku nix:setup'],
    })
  }

  return {name: parts.name, seed, publicKey: {name: parts.name, bytes: publicKey}}
}

/** @throws NixError BAD_PUBLIC_KEY */
export function parsePublicKey(text: string): PublicKey {
  const parts = split(text, 32)
  if (!parts) {
    throw new NixError(`"${text}" is not a Nix public key (name:base64 of 32 bytes).`, {code: 'BAD_PUBLIC_KEY', exit: EXIT.setup})
  }

  return parts
}

/**
 * Makes a secret key.
 * @param name what signatures are known by, e.g. `example-app-1`
 * @param seed 32 random bytes
 */
export function makeSecretKey(name: string, seed: Buffer): SecretKey {
  return {name, seed, publicKey: {name, bytes: rawPublicKey(seed)}}
}

/** `name:base64`, as NIX_SIGNING_KEY holds it. */
export function formatSecretKey({name, seed, publicKey}: SecretKey): string {
  return `${name}:${Buffer.concat([seed, publicKey.bytes]).toString('base64')}`
}

/** `name:base64`, as `trusted-public-keys` holds it. */
export function formatPublicKey({name, bytes}: PublicKey): string {
  return `${name}:${bytes.toString('base64')}`
}

/** `name:base64` over the UTF-8 bytes of `text`: pure ed25519, no prehash, so that openssl's `pkeyutl -rawin` checks it too. */
export function signText(text: string, key: SecretKey): string {
  return `${key.name}:${sign(null, Buffer.from(text), privateKeyObject(key.seed)).toString('base64')}`
}

/** Whether `signature` (`name:base64`) was made over `text` with the secret half of `key`. */
export function isSignedBy(text: string, signature: string, key: PublicKey): boolean {
  const parts = split(signature, 64)
  return parts !== null && parts.name === key.name && verify(null, Buffer.from(text), publicKeyObject(key), parts.bytes)
}

function rawPublicKey(seed: Buffer): Buffer {
  return createPublicKey(privateKeyObject(seed)).export({format: 'der', type: 'spki'}).subarray(-32)
}
