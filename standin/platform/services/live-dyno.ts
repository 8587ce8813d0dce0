import type {Dyno} from '../../dynos/contract.ts'
import type {AppRecord} from '../../state/model.ts'

/** A dyno as the API shows it, from its creation to its end; `dyno` is the process once it has started. */
export interface LiveDyno {
  readonly id: string
  readonly app: AppRecord
  readonly name: string
  readonly type: string
  readonly command: string
  readonly size: string
  readonly release: {id: string; version: number}
  readonly createdAt: string
  updatedAt: string
  state: 'crashed' | 'down' | 'starting' | 'up'
  /** until its client has come */
  attachUrl: string | null
  dyno: Dyno | null
  /** it was told to stop: whatever its process does, it does not come up any more */
  stopping: boolean
}
