/** Where a build keeps what is neither Nix's nor the app's; the loader makes the folder anew. */
const WORK_DIR = '/app/.nix-build'

export const BUILD_LAYOUT = {
  /** Node, unpacked by the loader */
  node: `${WORK_DIR}/node/bin/node`,
  externalBuilder: `${WORK_DIR}/external-builder.mjs`,
  lock: `${WORK_DIR}/tools.lock.json`,
  nixArchive: `${WORK_DIR}/nix.tar.xz`,
  /**
   * However a build was started, its source lies here: the name of the folder, `source`, is part of every hash that
   * `src = ./.` makes, and is what Nix's fetchers call theirs.
   */
  source: `${WORK_DIR}/source`,
  /** what Nix runs after each build */
  postBuildHook: `${WORK_DIR}/post-build-hook`,
  /** compressed store paths on their way to the bucket */
  saving: `${WORK_DIR}/saving`,
  layer: `${WORK_DIR}/layer.tar.gz`,
  listing: `${WORK_DIR}/files.jsonl.gz`,
} as const
