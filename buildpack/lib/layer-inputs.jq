# What a layer's digest is over, for the .slugexclude whose sha256 is $rules (null: there is none): layerDigest of
# src/lib/slug/layer-digest.ts. A record's closure is sorted.
{format: 1, engine: .outcome.engine, result: .outcome.result, rules: $rules, paths: [.outcome.closure[] | [.path, .narHash]]}
