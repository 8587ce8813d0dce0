/** A static x86-64 program of the given machine code: enough to make system calls that no tool of the image makes. */
export function elf(code: Buffer): Buffer {
  const start = 0x400000
  const size = 64 + 56
  const header = Buffer.alloc(size)
  header.write('\x7fELF', 'latin1')
  header.set([2, 1, 1], 4)
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(62, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(start + size), 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  header.writeUInt32LE(1, 64)
  header.writeUInt32LE(5, 68)
  header.writeBigUInt64LE(BigInt(start), 80)
  header.writeBigUInt64LE(BigInt(start), 88)
  header.writeBigUInt64LE(BigInt(size + code.length), 96)
  header.writeBigUInt64LE(BigInt(size + code.length), 104)
  header.writeBigUInt64LE(4096n, 112)
  return Buffer.concat([header, code])
}

/** A program that makes one system call by `int 0x80`, as 32-bit programs do, and exits with the error's number. */
export function calling32(number: number, first: number): Buffer {
  const code = Buffer.alloc(10 + 6 + 2 + 2 + 2 + 5 + 2)
  let at = 0
  const put = (...bytes: number[]): void => {
    code.set(bytes, at)
    at += bytes.length
  }
  const immediate = (opcode: number, value: number): void => {
    put(opcode)
    at = code.writeUInt32LE(value >>> 0, at)
  }

  immediate(0xb8, number) // mov eax, number
  immediate(0xbb, first) // mov ebx, first
  put(0x31, 0xc9, 0x31, 0xd2, 0x31, 0xf6) // xor ecx, ecx; xor edx, edx; xor esi, esi
  put(0xcd, 0x80) // int 0x80
  put(0xf7, 0xd8) // neg eax
  put(0x89, 0xc7) // mov edi, eax
  immediate(0xb8, 60) // mov eax, exit
  put(0x0f, 0x05) // syscall
  return elf(code)
}
