import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {decodeChunked} from '../../../standin/bucket/aws-chunked.ts'
import {parseTarget} from '../../../standin/bucket/request-target.ts'
import {parseClaim} from '../../../standin/bucket/signature-claim.ts'
import {SignatureVerifier} from '../../../standin/bucket/signature-verifier.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const SCOPE = 'Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'
const verifier = new SignatureVerifier({
  credentials: {key: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'},
  region: 'us-east-1',
  clock: () => new Date('2013-05-24T00:00:30Z'),
})

interface Example {
  method: string
  url: string
  payloadHash: string
  headers: Record<string, string>
}

async function verify({method, url, payloadHash, headers}: Example) {
  const {path, query} = parseTarget(url, headers['host'] ?? '')
  const claim = parseClaim(headers, query)
  if (!claim) {
    throw new Error('The example is not signed.')
  }

  await verifier.verify({method, path, query, headers}, claim, payloadHash)
  return claim
}

function signedInHeader(example: Omit<Example, 'headers'>, headers: Record<string, string>, signature: string): Example {
  const all = {...headers, 'x-amz-date': '20130524T000000Z', 'x-amz-content-sha256': example.payloadHash}
  const signedHeaders = Object.keys(all).sort().join(';')
  return {...example, headers: {...all, authorization: `AWS4-HMAC-SHA256 ${SCOPE},SignedHeaders=${signedHeaders},Signature=${signature}`}}
}

/** The examples of the S3 API reference, "Authenticating Requests (AWS Signature Version 4)", with AWS's own signatures. */
describe('the signatures in AWS\'s documentation', () => {
  const host = 'examplebucket.s3.amazonaws.com'
  const rows: Record<string, Example> = {
    'GET Object': signedInHeader({method: 'GET', url: '/test.txt', payloadHash: EMPTY}, {host, range: 'bytes=0-9'},
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'),
    'GET Bucket Lifecycle': signedInHeader({method: 'GET', url: '/?lifecycle', payloadHash: EMPTY}, {host},
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
    'GET Bucket (List Objects)': signedInHeader({method: 'GET', url: '/?max-keys=2&prefix=J', payloadHash: EMPTY}, {host},
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'),
    'a presigned URL': {
      method: 'GET',
      url: `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-${SCOPE.replaceAll('/', '%2F')}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: {host},
    },
  }
  for (const [name, example] of Object.entries(rows)) {
    it(`hold: ${name}`, async () => {
      await verify(example)
    })
  }

  const streams = [
    {
      name: 'chunks',
      payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      more: {'content-length': '66824'},
      seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      chunks: ['ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648', '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'],
      trailer: '',
    },
    {
      name: 'chunks and a trailer',
      payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      more: {'x-amz-trailer': 'x-amz-checksum-crc32c'},
      seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      chunks: ['b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2', '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7', '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992'],
      trailer: 'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
    },
  ]
  for (const {name, payloadHash, more, seed, chunks, trailer} of streams) {
    const request = signedInHeader({method: 'PUT', url: '/examplebucket/chunkObject.txt', payloadHash}, {
      host: 's3.amazonaws.com', 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '66560', 'x-amz-storage-class': 'REDUCED_REDUNDANCY', ...more,
    }, seed)
    const body = [65_536, 1024, 0].map((size, index) => `${size.toString(16)};chunk-signature=${chunks[index] ?? ''}\r\n${size > 0 ? `${'a'.repeat(size)}\r\n` : ''}`).join('') + `${trailer}\r\n`
    const names = trailer === '' ? [] : ['x-amz-checksum-crc32c']
    const decode = async (text: string) => {
      const hash = createHash('sha256')
      const source = pieces(Buffer.from(text), 1000)
      for await (const bytes of decodeChunked({source, verifier: verifier.chunkVerifier(await verify(request)), trailer: names, onTrailer: () => undefined})) {
        hash.update(bytes)
      }

      return hash.digest('hex')
    }

    it(`hold: a body of signed ${name}, in whatever pieces it comes`, async () => {
      expect(await decode(body)).to.equal(createHash('sha256').update('a'.repeat(66_560)).digest('hex'))
    })

    for (const [what, tampered, code] of [
      ['a byte of its data', body.replace('aaa', 'aab'), 'SignatureDoesNotMatch'],
      ['the signature of its last chunk', body.replace(/0;chunk-signature=./, '0;chunk-signature=f'), 'SignatureDoesNotMatch'],
      ['its end', body.slice(0, -70), 'IncompleteBody'],
      ...(trailer === '' ? [] : [['its trailer', body.replace('sOO8', 'sOO9'), 'SignatureDoesNotMatch'] as const]),
    ] as const) {
      it(`do not hold for signed ${name} when ${what} is another`, async () => {
        const error = await decode(tampered).then(() => null, (reason: unknown) => reason)
        expect(error).to.include({code})
      })
    }
  }
})

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  await Promise.resolve()
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size)
  }
}
