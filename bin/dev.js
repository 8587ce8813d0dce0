#!/usr/bin/env node
// Runs the commands of dist/ with oclif's development settings: warnings about deprecated and unparsed things show.
import {execute} from '@oclif/core'

await execute({development: true, dir: import.meta.url})
