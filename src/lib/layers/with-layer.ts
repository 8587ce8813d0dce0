import type {LayerObject, SucceededBuild} from '../build/record.ts'

/** A build as it would be with another layer. Its signature is of the one it had: check that before. */
export function withLayer(record: SucceededBuild, layer: LayerObject): SucceededBuild {
  return {...record, outcome: {...record.outcome, layer}}
}
