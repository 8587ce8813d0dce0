# One derivation for each package of packages.json (see fetch-packages).
{ lock, debs }:
let
  deb = name: debs + "/${name}.deb";

  # A dyno has no patchelf. This is Debian's with the libraries it needs, as they are; its own loader runs it.
  patchelf = derivation {
    name = "patchelf-unpacked";
    inherit (lock) system;
    builder = "/bin/bash";
    args = [ ./unpack.sh ];
    debs = map deb lock.patchelf;
  };

  package = { name, version, needs }: rec {
    direct = map (need: packages.${need}) needs;
    # What programs of this package load: what it needs, and what that needs.
    closure = builtins.genericClosure {
      startSet = map (one: { key = one.name; inherit one; }) direct;
      operator = { one, ... }: map (next: { key = next.name; one = next; }) one.direct;
    };
    inherit name;
    path = derivation {
      name = "${name}-${version}";
      inherit (lock) system;
      inherit patchelf;
      builder = "/bin/bash";
      args = [ ./package.sh ];
      deb = deb name;
      needs = map (one: one.path) direct;
      searched = map ({ one, ... }: one.path) closure;
    };
  };

  packages = builtins.listToAttrs (map (entry: { inherit (entry) name; value = package entry; }) lock.app);
in
{
  inherit (lock) system;
  app = map (entry: packages.${entry.name}.path) lock.app;
}
