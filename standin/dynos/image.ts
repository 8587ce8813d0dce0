/** The read-only files that dynos share: what Heroku calls the stack image. */
export interface DynoImage {
  /** bound to /usr; /bin, /lib, /lib64 and /sbin are links into it */
  usr: string
  /** bound to /etc; holds passwd, group, hosts, resolv.conf and machine-id as files, which each dyno gets its own of */
  etc: string
}
