/** What S3 calls the permissions of an IAM policy; only those this server asks for. */
export type S3Action =
  | 's3:AbortMultipartUpload'
  | 's3:CreateBucket'
  | 's3:DeleteObject'
  | 's3:GetBucketLocation'
  | 's3:GetObject'
  | 's3:ListBucket'
  | 's3:ListBucketMultipartUploads'
  | 's3:ListMultipartUploadParts'
  | 's3:PutObject'

export interface Credentials {
  key: string
  secret: string
}

export interface BucketOptions {
  /** Holds objects, uploads and credentials; a later start with the same one finds them again. */
  dir: string
  /** 0: the kernel chooses */
  port: number
  /** Created when it is missing. */
  bucket: string
  /** The only region this server is in, such as `eu-west-1`. */
  region: string
  /** Default: those of an earlier start with the same `dir`, else random ones. */
  credentials?: Credentials
  /** What a request's date is compared with. */
  clock?: () => Date
  /** Actions answered with AccessDenied from the start. */
  denied?: readonly S3Action[]
}

export interface BucketServer {
  /** `http://127.0.0.1:PORT` (path style); virtual-host style: `http://BUCKET.s3.localhost:PORT` */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly key: string
  readonly secret: string
  /** From now on these actions are answered with AccessDenied (403), and no others are. */
  deny(actions: readonly S3Action[]): void
  /** Ends every connection; what was not committed is gone, as after a crash. */
  close(): Promise<void>
}

/** Something for the fault proxy to do to requests that match; each is done `times` times, then forgotten. */
export interface Fault {
  /** default: every method */
  method?: string
  /** Tested against the request's target as it is on the wire: `/bucket/nar/x?partNumber=1`. Default: every path. */
  path?: RegExp
  /** default 1; Infinity: until `clear` */
  times?: number
  effect: FaultEffect
}

export type FaultEffect =
  /** The target never sees the request. */
  | {kind: 'status'; status: number; body?: string; headers?: Readonly<Record<string, string>>}
  /** The client's connection is reset after so many bytes of the request's body have been read. */
  | {kind: 'reset-request'; afterBytes: number}
  /** The client's connection is reset after so many bytes of the response's body have been sent. */
  | {kind: 'reset-response'; afterBytes: number}
  /** The target did what it was asked to, but the client's connection is reset instead of an answer. */
  | {kind: 'lose-response'}
  /** No answer until `clear` or `close`. */
  | {kind: 'stall'}

export interface FaultProxy {
  readonly endpoint: string
  inject(fault: Fault): void
  /** Down: connections are refused, and open ones reset. */
  setDown(down: boolean): Promise<void>
  /** Forgets every fault, lets stalled requests go on, and is up again. */
  clear(): Promise<void>
  close(): Promise<void>
}

export interface Ceph {
  readonly endpoint: string
  readonly key: string
  readonly secret: string
  readonly region: string
  createBucket(name: string): Promise<void>
  /** SIGKILL, now, to one of its programs, as when a machine fails; `restart` brings it back. */
  kill(program: CephProgram): Promise<void>
  /** Resolves when the gateway answers again. */
  restart(program: CephProgram): Promise<void>
  /** Ends its programs and removes its folder. */
  close(): Promise<void>
}

export type CephProgram = 'ceph-osd' | 'radosgw'
