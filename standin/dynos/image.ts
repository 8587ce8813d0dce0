/** The read-only files that dynos share: what Heroku calls the stack image. */
export interface DynoImage {
  /** bound to /usr; /bin, /lib, /lib64 and /sbin are links into it */
  usr: string
  /** bound to /etc; holds passwd, group, hosts and resolv.conf as plain files, which each dyno's own are laid over */
  etc: string
}
