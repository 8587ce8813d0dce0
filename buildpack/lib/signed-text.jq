# The text that a record's signature is over: SIGNED_TEXT_JQ of src/lib/build/signed-text.ts.
"heroku-nix-build-1",
"app \(.app)",
"id \(.id)",
"source \(.source.sha256)",
"tree \(.source.tree)",
"commit \(.source.commit // "-")",
"flags \(.buildFlags | tojson)",
(.outcome |
  "engine \(.engine)",
  "result \(.result)",
  "programs \(.programs | join(","))",
  "layer \(.layer | "\(.digest) \(.sha256) \(.size) \(.unpackedSize)")",
  "listing \(.listing.key) \(.listing.sha256)",
  (.closure[] | "path \(.path) \(.narHash) \(.narSize) \(.references | join(","))"))
