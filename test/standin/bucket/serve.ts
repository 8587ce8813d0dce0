// Serves a bucket in a process of its own, so that tests can kill it. Reads BucketOptions as JSON from standard
// input, prints the server as one line of JSON.
import {text} from 'node:stream/consumers'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import type {BucketOptions} from '../../../standin/bucket/contract.ts'

const server = await startBucket(JSON.parse(await text(process.stdin)) as BucketOptions)
console.log(JSON.stringify(server))
