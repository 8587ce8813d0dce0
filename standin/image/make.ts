#!/usr/bin/env node
// Makes images before they are needed. Usage: node standin/image/make.ts heroku-24 heroku-24-build
import {ensureImage} from './ensure.ts'
import type {Variant} from './stack.ts'

for (const variant of process.argv.slice(2)) await ensureImage({variant: variant as Variant, report: what => console.error(`       ${what}`)})
