import {createHash} from 'node:crypto'
import type {NarInfo} from '../../../../src/lib/closure/narinfo.ts'
import {makeSecretKey} from '../../../../src/lib/signing/nix-key.ts'

export const OWN_KEY = makeSecretKey('example-app-1', createHash('sha256').update('own').digest())
export const OTHER_KEY = makeSecretKey('cache.example.org-1', createHash('sha256').update('other').digest())

/** A narinfo of cache.nixos.org, as it came. */
export const HELLO = `StorePath: /nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello-2.12.1
URL: nar/1qzh5jd9gsiva8b4k5xa2kvl3jxnpwh6nr2spvbb8bs9fkcgzikn.nar.xz
Compression: xz
FileHash: sha256:1qzh5jd9gs1va8b4k5xa2kvl3jxnpwh6nr2spvbb8bs9fkcgz1kn
FileSize: 50096
NarHash: sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73
NarSize: 226552
References: 1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello-2.12.1 hg4acrmrrl2f9aiapfsc9ln1qrx5jgb4-glibc-2.38-27
Deriver: ig84ydhx7gjwmv0fxarhkljkd5yd3l6d-hello-2.12.1.drv
Sig: cache.nixos.org-1:AAAA
CA: fixed:r:sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73
`

export function narInfo(change: Partial<NarInfo> = {}): NarInfo {
  return {
    storePath: '/nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello', url: 'nar/x.nar.zst', compression: 'zstd', fileHash: null, fileSize: null,
    narHash: 'sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73', narSize: 226552, references: [], deriver: null, ca: null, signatures: [], ...change,
  }
}
