import {expect} from 'chai'
import {fromText} from '../../../src/lib/slug/byte-string.ts'
import {ourAnswer} from './ours.ts'
import {paths, withTree, type Tree} from './rsync.ts'

interface Row {
  name: string
  tree: Tree
  rules: string
  /** directories with a slash at the end, sorted by bytes */
  kept: string[]
}

const app = paths(
  'store/a1-my-awesome-app/bin/web', 'store/a1-my-awesome-app/share/doc/x', 'store/b2-libc/lib/libc.so.6', 'store/b2-libc/lib/libc.a',
  'store/c3-nix-1.11/bin/nix', 'store/d4-user-environment/manifest.nix', 'store/e5-perl/lib/List_so.pm', 'store/f6-text',
)
const manual = paths('x/file.txt', 'x/y/file.txt', 'x/y/zzz.txt', 'x/z/file.txt')
const tree = paths('a/b/c', 'a/b.o', 'a/d/e/c', 'b/c', 'foo/bar', 'foo/1/bar', 'foo/1/2/bar', 'x/foo/1/bar', 'x/foo/main.c', 'foobar', 'x/ab/c')

/** "man": an example of rsync's manual (FILTER RULES), by the file it describes. */
const rows: Row[] = [
  {
    name: 'the README of the older buildpack: whitelist by `+ store/**/` and `- store/**`', tree: app,
    rules: '+ store/**/\n+ store/*-user-environment/**\n+ store/*-nix-1*/**\n+ *[._]so*\n+ store/*my-awesome-app*/**\n- store/**\n',
    kept: [
      'store/', 'store/a1-my-awesome-app/', 'store/a1-my-awesome-app/bin/', 'store/a1-my-awesome-app/bin/web', 'store/a1-my-awesome-app/share/',
      'store/a1-my-awesome-app/share/doc/', 'store/a1-my-awesome-app/share/doc/x', 'store/b2-libc/', 'store/b2-libc/lib/', 'store/b2-libc/lib/libc.so.6',
      'store/c3-nix-1.11/', 'store/c3-nix-1.11/bin/', 'store/c3-nix-1.11/bin/nix', 'store/d4-user-environment/', 'store/d4-user-environment/manifest.nix',
      'store/e5-perl/', 'store/e5-perl/lib/', 'store/e5-perl/lib/List_so.pm',
    ],
  },
  {
    name: '`- store/**` alone: it excludes the directories too, so that nothing below them is looked at', tree: app,
    rules: '+ *.so.6\n- store/**\n', kept: [],
  },
  {
    name: '`+ store/**/` without the slash at the end: it keeps everything', tree: paths('store/a/x', 'store/b'),
    rules: '+ store/**\n- store/**\n', kept: ['store/', 'store/a/', 'store/a/x', 'store/b'],
  },
  {name: '`a/***`: the directory and all in it', tree, rules: '+ /a/***\n- *\n', kept: ['a/', 'a/b.o', 'a/b/', 'a/b/c', 'a/d/', 'a/d/e/', 'a/d/e/c']},
  {name: '`a/**`: what is in the directory, but not the directory', tree, rules: '+ /a/**\n- *\n', kept: []},
  {name: '`a/***` below other directories', tree: paths('q/a/x', 'a', 'q/ba/x'), rules: '- a/***\n', kept: ['a', 'q/', 'q/ba/', 'q/ba/x']},
  {name: 'a pattern with a slash that is not anchored: the last names', tree, rules: '+ */\n+ b/c\n- *\n', kept: ['a/', 'a/b/', 'a/b/c', 'b/', 'b/c']},
  {name: 'a wildcard pattern with a slash that is not anchored: as many names as it has', tree, rules: '+ */\n+ ?/c\n- *\n', kept: ['a/', 'a/b/', 'a/b/c', 'a/d/', 'a/d/e/', 'a/d/e/c', 'b/', 'b/c']},
  {name: 'man: `*.o`, names that end so', tree: paths('a/b.o', 'c.o', 'c.o.x'), rules: '- *.o\n', kept: ['c.o.x']},
  {name: 'man: `/foo`, at the top only', tree: paths('foo/a', 'x/foo/b'), rules: '- /foo\n', kept: ['x/', 'x/foo/', 'x/foo/b']},
  {name: 'man: `foo/`, any directory of that name', tree: paths('foo/a', 'x/foo', 'y/foo/b'), rules: '- foo/\n', kept: ['x/', 'x/foo']},
  {
    name: 'man: `foo/*/bar`, two levels below foo', tree: paths('foo/bar', 'foo/1/bar', 'foo/1/2/bar', 'x/foo/1/bar'), rules: '- foo/*/bar\n',
    kept: ['foo/', 'foo/1/', 'foo/1/2/', 'foo/1/2/bar', 'foo/bar'],
  },
  {
    name: 'man: `/foo/**/bar`, two or more levels below, and not /foo/bar', tree: paths('foo/bar', 'foo/1/bar', 'foo/1/2/bar', 'x/foo/1/bar'), rules: '- /foo/**/bar\n',
    kept: ['foo/', 'foo/bar', 'x/', 'x/foo/', 'x/foo/1/', 'x/foo/1/bar'],
  },
  {name: 'man: `+ */`, `+ *.c`, `- *`, directories and C sources', tree: paths('a/b/x.c', 'a/y.o', 'd/e/f', 'z.c'), rules: '+ */\n+ *.c\n- *\n', kept: ['a/', 'a/b/', 'a/b/x.c', 'z.c']},
  {name: 'man: `+ foo/`, `+ foo/bar.c`, `- *`', tree: paths('foo/bar.c', 'foo/baz.c', 'bar.c'), rules: '+ foo/\n+ foo/bar.c\n- *\n', kept: ['foo/', 'foo/bar.c']},
  {name: 'man: x/y/file.txt and the directories that hold it', tree: manual, rules: '+ x/\n+ x/y/\n+ x/y/file.txt\n- *\n', kept: ['x/', 'x/y/', 'x/y/file.txt']},
  {name: 'man: `+ file.txt`, `- *`, which excludes y and z', tree: paths('file.txt', 'y/file.txt', 'y/zzz.txt', 'z/file.txt'), rules: '+ file.txt\n- *\n', kept: ['file.txt']},
  {name: 'man: `- zzz.txt`', tree: manual, rules: '- zzz.txt\n', kept: ['x/', 'x/file.txt', 'x/y/', 'x/y/file.txt', 'x/z/', 'x/z/file.txt']},
  {name: 'man: `foo`, the last name, and `foo/bar`, the last two', tree: paths('q/foo', 'q/xfoo', 'foo2/bar', 'p/foo2/bar'), rules: '- foo\n- foo2/bar\n', kept: ['q/', 'q/xfoo']},
  {name: 'man: a backslash, which is one where there is no wildcard', tree: paths('foo\\bar', 'foobar'), rules: '- foo\\bar\n', kept: ['foobar']},
  {name: 'man: a backslash, which escapes where there is a wildcard', tree: paths('foo\\bar1', 'foobar1'), rules: '- foo\\bar*\n', kept: ['foo\\bar1']},
  {name: 'man: two backslashes before a wildcard', tree: paths('foo\\bar1', 'foobar1'), rules: '- foo\\\\bar*\n', kept: ['foobar1']},
  {name: 'man: a merge file\'s rules without its merge lines', tree: paths('x.gz', 'x.c', 'x.h', 'x.o', 'foo.c', 'foo1'), rules: '- *.gz\n+ *.[ch]\n- *.o\n- foo*\n', kept: ['foo.c', 'x.c', 'x.h']},
  {name: 'man: trailing white space, which is part of the pattern', tree: paths('foo', 'foo '), rules: 'foo \n', kept: ['foo']},
  {name: 'man: a hash inside a pattern', tree: paths('a#b', '#c', 'c'), rules: '# all of it\na#b\n', kept: ['#c', 'c']},
  {name: '`**/x` at any depth, the top included', tree: paths('x', 'a/x', 'a/b/x', 'xx'), rules: '**/x\n', kept: ['xx']},
  {name: 'a star that gives up at a slash, where two stars go on', tree: paths('a/ab', 'a/ac', 'c/a/b'), rules: '- **a*b\n', kept: ['a/', 'a/ac', 'c/', 'c/a/', 'c/a/b']},
  {name: 'the first rule that matches', tree: paths('a', 'b'), rules: '+ a\n- a\n- b\n+ b\n', kept: ['a']},
  {name: 'a directory that is excluded before what it holds is looked at', tree: paths('a/b/keep'), rules: '- a/\n+ keep\n', kept: []},
  {name: '`!`, which forgets the rules above', tree: paths('a', 'b'), rules: '- a\n!\n- b\n', kept: ['a']},
  {name: 'a name that begins with `!`', tree: paths('!a', 'a'), rules: '!a\n', kept: ['a']},
  {name: 'CRLF, a lone CR, and no end of the last line', tree: paths('a', 'b', 'c', 'd'), rules: 'a\r\n- b\r+ d\n- *', kept: ['d']},
  {name: 'modifiers, which are part of the pattern in such a file', tree: paths('-! a', 'a', 'b'), rules: '-! a\n', kept: ['a', 'b']},
  {name: 'a question mark, which is one byte: é has two', tree: paths('é', 'e'), rules: '- ?\n', kept: ['é']},
  {name: 'a symbolic link, which is no directory', tree: paths('a/x', 'b@'), rules: '- */\n', kept: ['b']},
  {name: 'an empty directory, which goes', tree: paths('a/b/', 'c'), rules: '', kept: ['c']},
]

describe('.slugexclude, case by case, as rsync has it', () => {
  for (const {name, tree: things, rules, kept} of rows) {
    it(`reads ${name}`, async () => {
      await withTree(things, async ask => {
        const ours = ourAnswer(things, fromText(rules))
        expect(ours).to.deep.equal(kept.map(path => fromText(path)).sort())
        expect(await ask([fromText(rules)])).to.deep.equal([ours])
      })
    })
  }
})
