import {SECRET_CONFIG_VARS, type ConfigVarName} from '../config-vars.ts'
import type {SetupPlan, SetupStep} from './plan.ts'

/** A plan as lines for people; no secret is in it. */
export function describePlan({app, steps, notes}: SetupPlan): string[] {
  return [
    ...(steps.length === 0 ? [`${app} is set up for Nix builds; there is nothing to do.`] : [`To set up ${app} for Nix builds:`]),
    ...steps.flatMap(step => describeStep(step).map((line, index) => (index === 0 ? `  * ${line}` : `      ${line}`))),
    ...(notes.length === 0 ? [] : ['', ...notes.map(note => `  Note: ${note}`)]),
  ]
}

/** One line, and further ones for its details. */
export function describeStep(step: SetupStep): string[] {
  switch (step.kind) {
    case 'create-bucket': {
      return [`create the bucket ${step.bucket} in ${step.region}`]
    }

    case 'upload-toolbox': {
      return [`upload the toolbox ${step.digest.slice(0, 12)}, which dynos start from`]
    }

    case 'set-config-vars': {
      return [
        'set config vars, which makes a release and restarts the dynos:',
        ...Object.entries(step.vars).map(([name, value]) =>
          (value === null ? `${name} (taken away)` : `${name}=${shown(name as ConfigVarName, value)}`)),
      ]
    }

    case 'set-buildpacks': {
      return describeChange(step.change)
    }
  }
}

function describeChange(change: Extract<SetupStep, {kind: 'set-buildpacks'}>['change']): string[] {
  switch (change.kind) {
    case 'add': {
      return [`add the buildpack ${change.adds}`]
    }

    case 'replace': {
      return [`replace the buildpack ${change.removes}`, `by ${change.adds}`]
    }

    case 'remove': {
      return [`take away the buildpack ${change.removes}`]
    }
  }
}

function shown(name: ConfigVarName, value: string): string {
  return SECRET_CONFIG_VARS.includes(name) ? '(hidden)' : value
}
