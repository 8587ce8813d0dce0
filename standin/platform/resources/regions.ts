import {invalid, notFound} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {isNamed, namedId} from './named-id.ts'

type Row = [name: string, description: string, country: string, locale: string, provider: string, privateOnly: boolean]

/** devcenter.heroku.com/articles/regions */
const REGIONS: Row[] = [
  ['us', 'United States', 'United States', 'Virginia', 'us-east-1', false],
  ['eu', 'Europe', 'Ireland', 'Dublin', 'eu-west-1', false],
  ['dublin', 'Dublin, Ireland', 'Ireland', 'Dublin', 'eu-west-1', true],
  ['frankfurt', 'Frankfurt, Germany', 'Germany', 'Frankfurt', 'eu-central-1', true],
  ['london', 'London, United Kingdom', 'United Kingdom', 'London', 'eu-west-2', true],
  ['montreal', 'Montreal, Canada', 'Canada', 'Montreal', 'ca-central-1', true],
  ['mumbai', 'Mumbai, India', 'India', 'Mumbai', 'ap-south-1', true],
  ['oregon', 'Oregon, United States', 'United States', 'Oregon', 'us-west-2', true],
  ['singapore', 'Singapore', 'Singapore', 'Singapore', 'ap-southeast-1', true],
  ['sydney', 'Sydney, Australia', 'Australia', 'Sydney', 'ap-southeast-2', true],
  ['tokyo', 'Tokyo, Japan', 'Japan', 'Tokyo', 'ap-northeast-1', true],
  ['virginia', 'Virginia, United States', 'United States', 'Virginia', 'us-east-1', true],
]

/** The name of a region that an app outside a Private Space can be in. @throws ApiError 422 */
export function chooseRegion(given: string): string {
  const row = REGIONS.find(([name]) => isNamed('region', name, given))
  if (!row) throw invalid(`Couldn't find that region: ${given}.`)
  if (row[5]) throw invalid(`Region ${row[0]} is for Private Spaces only.`)
  return row[0]
}

/** Schema: region. */
export function regionRoutes(): Route[] {
  return [
    {method: 'GET', pattern: '/regions', handle: () => ok(REGIONS.map(view))},
    {
      method: 'GET', pattern: '/regions/{region}',
      handle({params: {region = ''}}) {
        const row = REGIONS.find(([name]) => isNamed('region', name, region))
        if (!row) throw notFound('region')
        return ok(view(row))
      },
    },
  ]
}

function view([name, description, country, locale, provider, privateOnly]: Row) {
  return {
    id: namedId('region', name), name, description, country, locale,
    private_capable: privateOnly, provider: {name: 'amazon-web-services', region: provider},
    created_at: '2012-11-21T20:44:16Z', updated_at: '2016-08-09T22:03:28Z',
  }
}
