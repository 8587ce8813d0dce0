/**
 * Where things lie in the bucket. The root is a standard Nix binary cache, because Nix's `s3://` takes no
 * prefix; everything of ours is under `heroku/`.
 */
export const keys = {
  cacheInfo: 'nix-cache-info',
  /** @param hash the 32 base-32 characters of a store path */
  narinfo: (hash: string) => `${hash}.narinfo`,
  /** @param fileHash sha256 of the compressed NAR in Nix's base-32 */
  nar: (fileHash: string, extension = 'nar.zst') => `nar/${fileHash}.${extension}`,
  /** The same layout again, for paths that only our own dynos may use. @param key as at the root */
  ownCache: (key: string) => `heroku/cache/${key}`,

  /**
   * @param digest sha256 (hex) of the toolbox's loader, which names every other file by its sha256, but `version`:
   *   which version of the plugin uploaded it first, for people and for setup's advice
   */
  toolbox: (digest: string, file: 'dyno.mjs' | 'loader.sh' | 'tools.lock.json' | 'version') => `heroku/toolbox/${digest}/${file}`,
  /** @param sha256 hex digest of the tool's archive */
  tool: (sha256: string) => `heroku/toolbox/tools/${sha256}`,

  /** @param tree git tree hash */
  source: (app: string, tree: string) => `heroku/apps/${app}/sources/${tree}.tar.gz`,
  builds: (app: string) => `heroku/apps/${app}/builds/`,
  record: (app: string, build: string) => `heroku/apps/${app}/builds/${build}/build.json`,
  /** @param segment counts from 1 */
  log: (app: string, build: string, segment: number) =>
    `heroku/apps/${app}/builds/${build}/log/${String(segment).padStart(6, '0')}`,
  listing: (app: string, build: string) => `heroku/apps/${app}/builds/${build}/files.jsonl.gz`,
  /** Names of the store paths that a build had to do with, those alone that it built with included, one a line. */
  paths: (app: string, build: string) => `heroku/apps/${app}/builds/${build}/paths`,
  /** Names of the store paths that were pushed, without what they refer to. @param digest sha256 (hex) of the list */
  push: (app: string, digest: string) => `heroku/apps/${app}/pushes/${digest}`,
  /** Holds the id of the newest succeeded build of a source tree. */
  tree: (app: string, tree: string) => `heroku/apps/${app}/trees/${tree}`,
  /** The same of those with certain NIX_BUILD_FLAGS. @param flags sha256 (hex) of their text */
  treeWithFlags: (app: string, tree: string, flags: string) => `heroku/apps/${app}/trees/${tree}-${flags.slice(0, 16)}`,
  /** Holds the id of the newest succeeded build of a commit. */
  commit: (app: string, commit: string) => `heroku/apps/${app}/commits/${commit}`,
  /** Holds the id of the app's newest succeeded build. */
  newest: (app: string) => `heroku/apps/${app}/newest`,

  /** Ids of the builds that an app at Heroku released of these, the newest first. @param herokuApp several can share NIX_APP_NAME */
  released: (app: string, herokuApp: string) => `heroku/apps/${app}/released/${herokuApp}`,

  /** Holds the digest of the toolbox that an app at Heroku starts from when it is pushed to. */
  usedToolbox: (app: string, herokuApp: string) => `heroku/apps/${app}/toolboxes/${herokuApp}`,

  layer: (digest: string) => `heroku/layers/${digest}.tar.gz`,
  /** What the owner of a key says of a layer. @param keyName of NIX_SIGNING_KEY: apps that share a bucket have keys of their own */
  layerNote: (digest: string, keyName: string) => `heroku/layers/${digest}.${keyName}.json`,
  /** The .slugexclude of an order to prune a build anew. */
  orderedRules: (app: string, build: string, order: string) => `heroku/apps/${app}/builds/${build}/layers/${order}.slugexclude`,
  /** Says whether somebody sweeps the bucket. */
  sweep: 'heroku/sweep.json',
  /** setup's probe writes, reads, lists and deletes here. */
  probe: (nonce: string) => `heroku/probe/${nonce}`,
}
