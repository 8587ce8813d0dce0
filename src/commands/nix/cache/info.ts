import {flags as Flags} from '@heroku-cli/command'
import {NixCommand} from '../../../cli/nix-command.ts'
import {DEFAULT_PRICE, monthlyCost, sumUp, type BucketContents} from '../../../lib/cache/bucket-contents.ts'
import {parseConfig} from '../../../lib/config-vars.ts'
import {EXIT, NixError} from '../../../lib/errors.ts'
import {tableLines} from '../../../lib/output/table.ts'
import {formatBytes} from '../../../lib/output/units.ts'

interface InfoResult extends BucketContents {
  app: string
  bucket: string
  /** for a gigabyte and month */
  price: number
  /** of storage alone */
  costPerMonth: number
}

export default class NixCacheInfo extends NixCommand {
  static override description = `show what the bucket holds and what storing it costs

Counts every object in the app's bucket, also those of other apps that share it. Requests and transfer cost extra and depend on use; dynos in the bucket's own region transfer for nothing on AWS.`

  static override examples = [
    'heroku nix:cache:info --app example-app',
    'heroku nix:cache:info --app example-app --price 0.006',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app whose bucket to look at'}),
    price: Flags.string({description: 'price of a gigabyte and month', default: String(DEFAULT_PRICE), helpValue: 'PRICE'}),
  }

  async run(): Promise<InfoResult> {
    const flags = await this.flagsOf(NixCacheInfo)
    const price = parsePrice(flags.price)
    const platform = this.platform(flags.app)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    const config = parseConfig(vars, app.name)
    const {s3Bucket} = await import('../../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const sum = await this.step(`Counting bucket ${bucket.name}`, () => sumUp(bucket.list('')), ({objects}) => `${objects} object${objects === 1 ? '' : 's'}`)
      for (const line of describe(sum, price)) this.log(line)
      return {app: app.name, bucket: bucket.name, ...sum, price, costPerMonth: monthlyCost(sum.bytes, price)}
    } finally {
      bucket.close()
    }
  }
}

function describe({contents, objects, bytes, paths, ownPaths}: BucketContents, price: number): string[] {
  const rows = [...contents.filter(part => part.objects > 0), {kind: 'all', objects, bytes}]
    .map(part => [part.kind, String(part.objects), formatBytes(part.bytes), monthlyCost(part.bytes, price).toFixed(2)])
  const table = [['', 'objects', 'size', 'a month'], ...rows]
  const lines = tableLines(table)
  return [...lines, '', `${paths} store path${paths === 1 ? '' : 's'} for any Nix, ${ownPaths} for dynos alone`]
}

function parsePrice(text: string): number {
  const price = Number(text)
  if (text.trim() === '' || !Number.isFinite(price) || price < 0) {
    throw new NixError(`--price is ${JSON.stringify(text)}; it must be a number, such as ${DEFAULT_PRICE}.`, {
      code: 'BAD_PRICE', exit: EXIT.usage, suggestions: [`heroku nix:cache:info --price ${DEFAULT_PRICE}`],
    })
  }

  return price
}
