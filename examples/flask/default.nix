# A Flask app whose every dependency is a package of Debian's or Ubuntu's, each a derivation of its own.
let
  packages = import ./nix/packages.nix {
    lock = builtins.fromJSON (builtins.readFile ./packages.json);
    debs = ./debs;
  };
in
derivation {
  name = "hello-flask";
  inherit (packages) system;
  builder = "/bin/bash";
  args = [ ./nix/app.sh ];
  src = ./app.py;
  packages = packages.app;
}
