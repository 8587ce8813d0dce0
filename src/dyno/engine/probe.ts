import {execFile} from 'node:child_process'
import fs from 'node:fs/promises'
import os from 'node:os'
import {promisify} from 'node:util'

/** Whether the dyno permits something, as far as it can be told with the programs of its image. */
export type Permission = 'permitted' | 'refused' | 'unknown'

/** What was found out about a dyno: looked up, never assumed. */
export interface Probe {
  ptrace: Permission
  userNamespaces: Permission
  /** programs for i386, with a `uname` that says i686 */
  programs32: Permission
  /** processors that this process may run on */
  processors: number
  /** bytes: of the dyno where a limit is set, else of its host */
  memory: number
  memoryFrom: 'cgroup' | 'host'
  /** processes and threads together that may exist; null where no limit is set */
  threads: number | null
  /** `uname -r` */
  kernel: string
  /** first line of `--version`, or null where the image lacks the program */
  bash: string | null
  curl: string | null
}

/** Asks the system. Takes some tens of milliseconds. */
export async function probeDyno(): Promise<Probe> {
  const [ptrace, userNamespaces, programs32, memory, threads, bash, curl] = await Promise.all([
    probePtrace(), probeUserNamespaces(), probePrograms32(), memoryLimit(), threadLimit(), versionOf('bash'), versionOf('curl'),
  ])
  return {
    ptrace, userNamespaces, programs32, processors: os.availableParallelism(),
    memory: memory ?? os.totalmem(), memoryFrom: memory === null ? 'host' : 'cgroup',
    threads, kernel: os.release(), bash, curl,
  }
}

/** For the build's record: text alone. */
export function probeRecord(probe: Probe): Record<string, string> {
  return Object.fromEntries(Object.entries(probe).map(([name, value]) => [name, value === null ? 'none' : String(value)]))
}

/**
 * perl-base is in every Heroku image, and its `syscall` needs no compiler: 101 is ptrace on x86-64, request 0 PTRACE_TRACEME.
 * A child asks, so that nothing is left traced.
 */
async function probePtrace(): Promise<Permission> {
  if (process.arch !== 'x64') return 'unknown'
  return permission(await exitStatus('perl', ['-e', 'exit(syscall(101, 0, 0, 0, 0) == 0 ? 0 : 9)']), {permitted: 0, refused: 9})
}

/** 272 is unshare on x86-64, 0x10000000 CLONE_NEWUSER. */
async function probeUserNamespaces(): Promise<Permission> {
  if (process.arch !== 'x64') return 'unknown'
  return permission(await exitStatus('perl', ['-e', 'exit(syscall(272, 0x10000000) == 0 ? 0 : 9)']), {permitted: 0, refused: 9})
}

/** An ELF file for i386 whose code is `mov eax, 1; mov ebx, 42; int 0x80`: exit(42). */
const EXIT_42 = Buffer.from(
  '7f454c46010101000000000000000000' + '02000300010000005480040834000000' + '00000000000000003400200001000000' + '0000000001000000' +
  '00000000008004080080040860000000' + '600000000500000000100000' + 'b801000000bb2a000000cd80', 'hex')

async function probePrograms32(): Promise<Permission> {
  if (process.arch !== 'x64') return 'refused'
  const folder = await fs.mkdtemp(`${os.tmpdir()}/probe-`)
  try {
    await fs.writeFile(`${folder}/exit`, EXIT_42, {mode: 0o700})
    return await exitStatus('setarch', ['i686', '--addr-no-randomize', `${folder}/exit`]) === 42 ? 'permitted' : 'refused'
  } finally {
    await fs.rm(folder, {recursive: true})
  }
}

/** Null where it did not start or was killed. */
async function exitStatus(file: string, args: string[]): Promise<number | null> {
  try {
    await run(file, args, {timeout: 5000})
    return 0
  } catch (error) {
    return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : null
  }
}

function permission(status: number | null, {permitted, refused}: {permitted: number; refused: number}): Permission {
  return status === permitted ? 'permitted' : status === refused ? 'refused' : 'unknown'
}

async function versionOf(program: string): Promise<string | null> {
  try {
    const {stdout} = await run(program, ['--version'], {timeout: 5000})
    return stdout.split('\n', 1)[0]?.trim() ?? null
  } catch {
    // Whatever the reason: the program is of no use here.
    return null
  }
}

const run = promisify(execFile)

/** The tightest limit of this process's memory cgroup and those above it, version 2 or 1. */
async function memoryLimit(): Promise<number | null> {
  return tightest(cgroupFiles(await read('/proc/self/cgroup'), 'memory', 'memory.max', 'memory.limit_in_bytes'))
}

/** Of cgroup and RLIMIT_NPROC, whichever is less. */
async function threadLimit(): Promise<number | null> {
  const limits = [
    await tightest(cgroupFiles(await read('/proc/self/cgroup'), 'pids', 'pids.max', 'pids.max')),
    parseProcessLimit(await read('/proc/self/limits')),
  ].filter(limit => limit !== null)
  return limits.length === 0 ? null : Math.min(...limits)
}

async function tightest(files: string[]): Promise<number | null> {
  const limits = await Promise.all(files.map(async file => parseLimit(await read(file))))
  const set = limits.filter(limit => limit !== null)
  return set.length === 0 ? null : Math.min(...set)
}

async function read(file: string): Promise<string> {
  // A file that is not there sets no limit.
  return fs.readFile(file, 'utf8').catch(() => '')
}

/** Where a cgroup's limit may lie: its own folder and all above it, as far as the mount shows them. */
export function cgroupFiles(selfCgroup: string, controller: string, version2: string, version1: string): string[] {
  return selfCgroup.split('\n').flatMap(line => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined || controllers === undefined) return []
    if (controllers === '') return foldersUp('/sys/fs/cgroup', path).map(folder => `${folder}/${version2}`)
    if (!controllers.split(',').includes(controller)) return []
    return foldersUp(`/sys/fs/cgroup/${controller}`, path).map(folder => `${folder}/${version1}`)
  })
}

function foldersUp(root: string, path: string): string[] {
  const parts = path.split('/').filter(part => part !== '')
  return Array.from({length: parts.length + 1}, (_, n) => [root, ...parts.slice(0, parts.length - n)].join('/'))
}

/** A cgroup limit's content; null for `max`, for cgroup 1's way of saying so (a number near 2^63), and for what is no number. */
export function parseLimit(text: string): number | null {
  const value = Number(text.trim() || 'max')
  return Number.isInteger(value) && value < 2 ** 60 ? value : null
}

/** The soft limit of processes in /proc/self/limits. */
export function parseProcessLimit(limits: string): number | null {
  const soft = /^Max processes\s+(\d+|unlimited)/m.exec(limits)?.[1]
  return soft === undefined || soft === 'unlimited' ? null : Number(soft)
}
