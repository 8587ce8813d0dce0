# The text that a layer's note is signed over: signedText of src/lib/layers/layer-note.ts.
"heroku-nix-layer-1", (.layer | "layer \(.digest) \(.sha256) \(.size) \(.unpackedSize)")
