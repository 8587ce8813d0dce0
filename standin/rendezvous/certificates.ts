import {execFile} from 'node:child_process'
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {StandinError} from '../errors.ts'

const run = promisify(execFile)

export interface Certificates {
  /** path of the CA in PEM, for NODE_EXTRA_CA_CERTS */
  ca: string
  key: Buffer
  /** leaf and CA */
  cert: Buffer
}

/**
 * Makes a CA and, signed by it, a certificate for 127.0.0.1. The CA's key is gone afterwards.
 * openssl because every Debian has it and Node has no API that signs certificates.
 * @throws StandinError where openssl is missing or fails
 */
export async function createCertificates(dir: string): Promise<Certificates> {
  await rm(dir, {recursive: true, force: true})
  await mkdir(dir, {recursive: true, mode: 0o700})
  const file = (name: string) => join(dir, name)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650']
  await writeFile(file('leaf.ext'), [
    'subjectAltName=IP:127.0.0.1,DNS:localhost', 'basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=serverAuth', '',
  ].join('\n'))
  await openssl([
    'req', '-x509', ...newKey, '-subj', '/CN=heroku-nix stand-in CA', '-keyout', file('ca.key'), '-out', file('ca.pem'),
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
  ])
  await openssl(['req', ...newKey.slice(0, -2), '-subj', '/CN=127.0.0.1', '-keyout', file('leaf.key'), '-out', file('leaf.csr')])
  await openssl([
    'x509', '-req', '-in', file('leaf.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial',
    '-days', '3650', '-extfile', file('leaf.ext'), '-out', file('leaf.pem'),
  ])
  const [key, leaf, ca] = await Promise.all(['leaf.key', 'leaf.pem', 'ca.pem'].map(name => readFile(file(name))))
  await Promise.all(['ca.key', 'leaf.csr', 'leaf.ext'].map(name => rm(file(name))))
  if (!key || !leaf || !ca) throw new StandinError('openssl made no certificate.')
  return {ca: file('ca.pem'), key, cert: Buffer.concat([leaf, ca])}
}

async function openssl(args: string[]): Promise<void> {
  try {
    await run('openssl', args)
  } catch (error) {
    throw new StandinError(`The certificate of the rendezvous server could not be made: openssl ${args[0] ?? ''} failed.`, ['apt-get install openssl'], {cause: error})
  }
}
