#!/usr/bin/env node
// Makes images before they are needed, and prints where they are. With UBUNTU_MIRROR, a URL, they are made of Ubuntu's packages.
// Usage: node standin/image/make.ts heroku-24 heroku-24-build
import {StandinError} from '../errors.ts'
import {ensureImage} from './ensure.ts'
import type {Variant} from './stack.ts'

const mirror = process.env['UBUNTU_MIRROR']
try {
  for (const variant of process.argv.slice(2)) {
    const {root} = await ensureImage({variant: variant as Variant, mirror, report: what => console.error(`       ${what}`)})
    console.log(root)
  }
} catch (error) {
  if (!(error instanceof StandinError)) throw error
  console.error([error.message, ...error.advice].join('\n'))
  process.exitCode = 1
}
