import {GetObjectCommand, PutObjectCommand} from '@aws-sdk/client-s3'
import {expect} from 'chai'
import {openRequest, s3Client, sign} from '../../../support/s3.ts'
import {freshKey} from './subject.ts'
import type {Subject} from './subject.ts'

const MIB = 1024 * 1024

export function describeCrashes(subject: Subject): void {
  describe('after a crash', () => {
    for (const program of subject.programs) {
      it(`has the old object, whole, when ${program} was killed in the middle of a PUT`, async () => {
        const access = subject.access()
        const Key = freshKey()
        const old = Buffer.alloc(6 * MIB, 'o')
        const before = s3Client(access)
        await before.send(new PutObjectCommand({Bucket: access.bucket, Key, Body: old}))
        before.destroy()

        const signed = await sign(access, {method: 'PUT', path: `/${access.bucket}/${Key}`, headers: {'content-length': String(32 * MIB)}})
        const request = openRequest(access, signed)
        request.on('error', () => undefined)
        // More than the sockets between can hold: the server has some of it.
        await new Promise(resolve => request.write(Buffer.alloc(24 * MIB, 'n'), resolve))
        await subject.kill(program)
        request.destroy()
        await subject.restart(program)

        const after = s3Client(subject.access())
        const {Body} = await after.send(new GetObjectCommand({Bucket: access.bucket, Key}))
        expect(old.equals(await Body?.transformToByteArray() ?? Buffer.alloc(0))).to.equal(true)
        after.destroy()
      }).timeout(60_000)
    }
  })
}
