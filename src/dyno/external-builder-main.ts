import {runExternalBuilder} from './engine/external-builder.ts'

// A program of its own: Nix starts it for every derivation, and reading the bucket's client each time would cost more
// than many a builder does.
await runExternalBuilder(process.argv.slice(2))
