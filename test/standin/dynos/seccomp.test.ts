import {expect} from 'chai'

import {dynoSeccompFilter} from '../../../standin/dynos/seccomp.ts'

const X86_64 = 0xc000003e
const I386 = 0x40000003
const X32 = 0x40000000

describe("a dyno's seccomp filter", () => {
  for (const {name, architecture, call, first = 0, answer} of [
    {name: 'allows read', architecture: X86_64, call: 0, answer: 'allow'},
    {name: 'refuses ptrace', architecture: X86_64, call: 101, answer: 'EPERM'},
    {name: 'allows the number that is ptrace for 32-bit programs', architecture: X86_64, call: 26, answer: 'allow'},
    {name: 'allows clone of a thread', architecture: X86_64, call: 56, first: 0x3d0f00, answer: 'allow'},
    {name: 'refuses clone with a user namespace', architecture: X86_64, call: 56, first: 0x10000011, answer: 'EPERM'},
    {name: 'refuses clone with a mount namespace', architecture: X86_64, call: 56, first: 0x00020011, answer: 'EPERM'},
    {name: 'knows no clone3', architecture: X86_64, call: 435, answer: 'ENOSYS'},
    {name: 'refuses io_uring', architecture: X86_64, call: 425, answer: 'EPERM'},
    {name: 'knows no x32 read', architecture: X86_64, call: X32, answer: 'ENOSYS'},
    {name: 'knows no x32 ptrace', architecture: X86_64, call: X32 + 521, answer: 'ENOSYS'},
    {name: 'allows read of 32-bit programs', architecture: I386, call: 3, answer: 'allow'},
    {name: 'refuses ptrace of 32-bit programs', architecture: I386, call: 26, answer: 'EPERM'},
    {name: 'refuses both umounts of 32-bit programs', architecture: I386, call: 22, answer: 'EPERM'},
    {name: 'refuses clone with a namespace of 32-bit programs', architecture: I386, call: 120, first: 0x10000000, answer: 'EPERM'},
    {name: 'knows no clone3 of 32-bit programs', architecture: I386, call: 435, answer: 'ENOSYS'},
    {name: 'ends a program of another architecture', architecture: 0xc00000b7, call: 0, answer: 'kill'},
  ]) {
    it(name, () => {
      expect(run(dynoSeccompFilter(), [call, architecture, 0, 0, first])).to.equal(answer)
    })
  }
})

const ANSWERS = new Map([[0x7fff0000, 'allow'], [0x80000000, 'kill'], [0x00050001, 'EPERM'], [0x00050026, 'ENOSYS']])

/** What the kernel does with the filter: https://www.kernel.org/doc/Documentation/networking/filter.txt, as far as this filter needs. */
function run(program: Buffer, data: readonly number[]): string {
  let accumulator = 0
  for (let at = 0; ; at++) {
    const [code, whenTrue, whenFalse, operand] = [
      program.readUInt16LE(at * 8), program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3), program.readUInt32LE(at * 8 + 4),
    ]
    switch (code) {
      case 0x20: accumulator = data[operand / 4] ?? 0; break
      case 0x05: at += operand; break
      case 0x15: at += accumulator === operand ? whenTrue : whenFalse; break
      case 0x35: at += accumulator >= operand ? whenTrue : whenFalse; break
      case 0x45: at += (accumulator & operand) !== 0 ? whenTrue : whenFalse; break
      case 0x06: return ANSWERS.get(operand) ?? String(operand)
      default: throw new Error(`Instruction ${code}`)
    }
  }
}
