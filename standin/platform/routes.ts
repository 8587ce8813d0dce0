import {buildMetadataRoutes, cacheBlobRoutes} from '../builds/build-metadata.ts'
import {buildRoutes} from '../builds/routes.ts'
import {gitRoutes} from '../git/routes.ts'
import {sourceBlobRoutes, sourceRoutes} from '../sources/sources.ts'
import type {Context} from './context.ts'
import type {RawRoute, Route} from './http/route.ts'
import {accountRoutes} from './resources/account.ts'
import {appRoutes} from './resources/apps.ts'
import {buildpackRoutes} from './resources/buildpacks.ts'
import {collaboratorRoutes} from './resources/collaborators.ts'
import {configVarRoutes} from './resources/config-vars.ts'
import {controlRoutes} from './resources/control.ts'
import {dynoSizeRoutes} from './resources/dyno-sizes.ts'
import {dynoRoutes} from './resources/dynos.ts'
import {formationRoutes} from './resources/formation.ts'
import {logRoutes, logSessionRoutes} from './resources/log-sessions.ts'
import {regionRoutes} from './resources/regions.ts'
import {releaseRoutes, streamRoutes} from './resources/releases.ts'
import {blobRoutes, slugRoutes} from './resources/slugs.ts'
import {stackRoutes} from './resources/stacks.ts'

/** Every route there is. */
export function allRoutes(context: Context): {routes: Route[]; rawRoutes: RawRoute[]; controlRoutes: Route[]} {
  return {
    routes: [
      accountRoutes, appRoutes, buildMetadataRoutes, buildpackRoutes, buildRoutes, collaboratorRoutes, configVarRoutes, dynoRoutes, dynoSizeRoutes, formationRoutes,
      logSessionRoutes, regionRoutes, releaseRoutes, slugRoutes, sourceRoutes, stackRoutes,
    ].flatMap(routesOf => routesOf(context)),
    rawRoutes: [blobRoutes, cacheBlobRoutes, gitRoutes, logRoutes, sourceBlobRoutes, streamRoutes].flatMap(routesOf => routesOf(context)),
    controlRoutes: controlRoutes(context),
  }
}
