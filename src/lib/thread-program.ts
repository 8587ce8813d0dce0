/**
 * What a thread is started with: the text of its program where that was put into this one's file, as in the programs for dynos;
 * else the file that lies beside the one that starts it, with the same ending.
 * @param embedded `typeof NAME === 'string' ? NAME : null`, of what esbuild defines
 * @param url import.meta.url of the module that starts it
 */
export function threadProgram(embedded: string | null, url: string, name: string): URL {
  if (embedded !== null) return new URL(`data:text/javascript,${encodeURIComponent(embedded)}`)
  return new URL(url.replace(/[\w-]+(?=\.[jt]s$)/, name))
}
