# What Debian's (or Ubuntu's) Go, Rust, OCaml and GHC make of programs that name their output; compilers are store paths, the linker
# is the machine's. `packages.json` and `debs` are written by examples/flask/fetch-packages.
let
  lock = builtins.fromJSON (builtins.readFile ./packages.json);
  packages = builtins.listToAttrs (map (one: { inherit (one) name; value = one; }) lock.app);

  # Of the machine: a C compiler with what it needs.
  isOfMachine = name: builtins.match "libc6|libc6-dev|gcc.*|g[+][+].*|cpp.*|binutils.*|libc-dev-bin|linux-libc-dev|libgcc.*|libstdc[+][+].*" name != null;
  closure = root: map ({ key }: ./debs + "/${key}.deb") (builtins.genericClosure {
    startSet = [ { key = root; } ];
    operator = { key }: map (need: { key = need; }) (builtins.filter (need: !isOfMachine need) packages.${key}.needs);
  });

  shell = name: attributes: script: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/bash";
    PATH = "/usr/bin:/bin";
    LC_ALL = "C";
    args = [ "-e" "-u" "-o" "pipefail" "-c" "${script}\ntrue" ];
  } // attributes);

  # A compiler as one tree. Its libraries are found by the environment, as nothing in it is patched.
  compiler = root: setup: shell "${root}-unpacked" { debs = closure root; } ''
    mkdir $out
    for deb in $debs; do dpkg-deb --extract $deb $out; done
    ${setup}
  '';

  librariesOf = tree: "libraries=$(find ${tree} -name '*.so*' -printf '%h\\n' | sort -u | tr '\\n' ':')";

  compile = name: root: setup: script: shell name { compiler = compiler root setup; src = ./programs; } ''
    cp $src/* .; chmod u+w *; sed -i "s|@out@|$out|" *
    export HOME=$PWD/home; mkdir -p home $out/bin
    ${librariesOf "$compiler"}
    export LD_LIBRARY_PATH=''${libraries%:}
    ${script}
    unset LD_LIBRARY_PATH
    $out/bin/hello | grep -x "hello from $out"
  '';

  go = flags: compile "go" "golang-go" "" ''
    export GOROOT=$(echo $compiler/usr/lib/go-*) GOCACHE=$PWD/cache GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-trimpath
    $GOROOT/bin/go build ${flags} -o $out/bin/hello hello.go
  '';
  rust = flags: compile "rust" "rustc" "" ''
    $compiler/usr/bin/rustc --sysroot $compiler/usr ${flags} --remap-path-prefix $PWD=. -o $out/bin/hello hello.rs
  '';
  ocaml = program: flags: compile "ocaml" "ocaml-nox" "" ''
    export OCAMLLIB=$compiler/usr/lib/ocaml
    $compiler/usr/bin/${program} ${flags} -o $out/bin/hello hello.ml
    mkdir $out/lib; cp hello.cm* $out/lib
  '';
  haskell = flags: compile "ghc" "ghc" haskellSetup ''
    $compiler/usr/lib/ghc/bin/ghc -B$compiler/usr/lib/ghc ${flags} -L$compiler/usr/lib/x86_64-linux-gnu -optl-Wl,-rpath,$compiler/usr/lib/x86_64-linux-gnu -o $out/bin/hello Hello.hs
    mkdir $out/lib; cp Hello.hi $out/lib
  '';
  haskellSetup = ''
    for conf in $out/var/lib/ghc/package.conf.d/*.conf; do sed -i "s|/usr/|$out/usr/|g" $conf; done
    ln -sfn $out/var/lib/ghc/package.conf.d $out/usr/lib/ghc/package.conf.d
    ${librariesOf "$out"}
    LD_LIBRARY_PATH=''${libraries%:} $out/usr/lib/ghc/bin/ghc-pkg --global-package-db $out/var/lib/ghc/package.conf.d recache
  '';
  # What GHC itself says of an interface.
  shownInterface = program: shell "interface" { inherit program; compiler = compiler "ghc" haskellSetup; } ''
    ${librariesOf "$compiler"}
    LD_LIBRARY_PATH=''${libraries%:} $compiler/usr/lib/ghc/bin/ghc -B$compiler/usr/lib/ghc --show-iface $program/lib/Hello.hi > $out
  '';
in
{
  goPlain = go "-ldflags=-buildid=";
  goBuildId = go "";
  rustPlain = rust "-C link-arg=-Wl,--build-id=none";
  rustBuildId = rust "";
  rustDebug = rust "-g -C link-arg=-Wl,--build-id=none";
  ocamlByte = ocaml "ocamlc.opt" "-use-runtime $compiler/usr/bin/ocamlrun";
  ocamlNative = ocaml "ocamlopt.opt" "-ccopt -Wl,--build-id=none";
  ocamlBuildId = ocaml "ocamlopt.opt" "-ccopt -Wl,--build-id=sha1";
  ghcPlain = haskell "-O -optl-Wl,--build-id=none";
  ghcPlainInterface = shownInterface (haskell "-O -optl-Wl,--build-id=none");
  ghcBuildId = haskell "-O -optl-Wl,--build-id=sha1";
  ghcBuildIdInterface = shownInterface (haskell "-O -optl-Wl,--build-id=sha1");
}
