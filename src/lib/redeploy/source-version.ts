import type {SucceededBuild} from '../build/record.ts'

/**
 * What a build at Heroku is told as its source's version, SOURCE_VERSION to buildpacks: ours restores exactly this build
 * (restore::asked of buildpack/lib/restore.sh), and Heroku shows the first characters, the commit's.
 */
export function sourceVersion({id, source: {commit}}: Pick<SucceededBuild, 'id' | 'source'>): string {
  return commit === null ? id : `${commit}+${id}`
}
