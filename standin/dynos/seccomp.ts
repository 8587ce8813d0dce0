/**
 * The system calls that a dyno may not make, as a seccomp filter for `bwrap --seccomp FD`: classic BPF, 8 bytes an instruction.
 *
 * EPERM is what PRoot reports on a dyno ("ptrace(TRACEME): Operation not permitted"). clone3 answers ENOSYS, because a filter cannot
 * read its flags through the pointer; callers fall back to clone, whose flags it can.
 *
 * Both instruction sets of the machine are covered. 32-bit programs run on Heroku and run here, under the same rules by their own
 * numbers. x32 does not exist in the kernels of Heroku's Ubuntu: its numbers answer ENOSYS. Any other architecture ends the process.
 */
export function dynoSeccompFilter(): Buffer {
  const x64 = rules(X64)
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 1, 0, AUDIT_ARCH_X86_64],
    [JUMP, 0, 0, x64.length + 3],
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_GREATER_OR_EQUAL, 0, 1, X32_BIT],
    [RETURN, 0, 0, ENOSYS],
    ...x64,
    [JUMP_IF_EQUAL, 1, 0, AUDIT_ARCH_I386],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER],
    ...rules(I386),
  ]
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, whenTrue, whenFalse, operand]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(whenTrue, index * 8 + 2)
    bytes.writeUInt8(whenFalse, index * 8 + 3)
    bytes.writeUInt32LE(operand, index * 8 + 4)
  }

  return bytes
}

type Instruction = [code: number, whenTrue: number, whenFalse: number, operand: number]

// <linux/bpf_common.h>
const LOAD = 0x20
const JUMP = 0x05
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_GREATER_OR_EQUAL = 0x35
const JUMP_IF_ANY_BIT = 0x45
const RETURN = 0x06

// <linux/seccomp.h>: what a filter answers, and where struct seccomp_data has its fields.
const ALLOW = 0x7fff0000
const KILL_PROCESS = 0x80000000
const EPERM = 0x00050001
const ENOSYS = 0x00050026
const NUMBER = 0
const ARCHITECTURE = 4
const FIRST_ARGUMENT = 16

// <linux/audit.h>
const AUDIT_ARCH_X86_64 = 0xc000003e
const AUDIT_ARCH_I386 = 0x40000003

const X32_BIT = 0x40000000

/** CLONE_NEWTIME is no flag of clone(2): there, its bit belongs to the exit signal. */
const CLONE_NEW_NAMESPACE = 0x7e020000

const X64 = 0
const I386 = 1

/** Numbers for x86-64 and i386, from the kernel's syscall_64.tbl and syscall_32.tbl; null: there is none. */
const REFUSED: Readonly<Record<string, readonly [number, number | null]>> = {
  ptrace: [101, 26],
  process_vm_readv: [310, 347],
  process_vm_writev: [311, 348],
  pidfd_getfd: [438, 438],
  kcmp: [312, 349],
  unshare: [272, 310],
  setns: [308, 346],
  mount: [165, 21],
  umount2: [166, 52],
  pivot_root: [155, 217],
  chroot: [161, 61],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_tree_attr: [467, 467],
  open_by_handle_at: [304, 342],
  bpf: [321, 357],
  perf_event_open: [298, 336],
  userfaultfd: [323, 374],
  add_key: [248, 286],
  request_key: [249, 287],
  keyctl: [250, 288],
  init_module: [175, 128],
  finit_module: [313, 350],
  delete_module: [176, 129],
  kexec_load: [246, 283],
  kexec_file_load: [320, null],
  reboot: [169, 88],
  swapon: [167, 87],
  swapoff: [168, 115],
  acct: [163, 51],
  syslog: [103, 103],
  quotactl: [179, 131],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
}

const REFUSED_ON_I386_ALONE: readonly number[] = [22 /* umount */]
const CLONE = [56, 120] as const
const CLONE3 = 435

function rules(column: typeof X64 | typeof I386): Instruction[] {
  const refused = Object.values(REFUSED).map(numbers => numbers[column]).filter(number => number !== null)
  return [
    ...[...refused, ...(column === I386 ? REFUSED_ON_I386_ALONE : [])].flatMap(number => answer(number, EPERM)),
    ...answer(CLONE3, ENOSYS),
    [JUMP_IF_EQUAL, 0, 3, CLONE[column]],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_IF_ANY_BIT, 0, 1, CLONE_NEW_NAMESPACE],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
  ]
}

function answer(number: number, result: number): Instruction[] {
  return [[JUMP_IF_EQUAL, 0, 1, number], [RETURN, 0, 0, result]]
}
