# Whether a record is that of a succeeded build, each of its fields of the alphabet that src/lib/build/parse-record.ts
# gives it. Without this, a line break in a field could make one record read like another when its signature is checked.
def line($pattern): type == "string" and (test("[\\x00-\\x1f\\x7f]") | not) and test("^(?:" + $pattern + ")$");
def hex: line("[0-9a-f]{64}");
def git_hash: line("[0-9a-f]{40}|[0-9a-f]{64}");
def store_path: line("/nix/store/[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+._?=-]+");
def count: type == "number" and . >= 0 and . == floor and . < 9007199254740992;

.version == 1
and (.state == "succeeded")
and (.id | line("[0-9]{8}-[0-9]{6}-[0-9a-z]{4}"))
and (.app | line("[A-Za-z0-9_.-]+"))
and (.source.tree | git_hash)
and (.source.commit | . == null or git_hash)
and (.source.sha256 | hex)
and (.buildFlags | type == "string")
and (.signature | line("[A-Za-z0-9_.-]{1,100}:[A-Za-z0-9+/]{86}=="))
and (.outcome |
  (.engine == "relocate" or .engine == "proot")
  and (.result | store_path)
  and (.programs | type == "array" and all(.[]; line("[A-Za-z0-9_@+.:,=-]+")))
  and (.layer |
    (.digest | hex) and (.sha256 | hex) and (.size | count) and (.unpackedSize | count)
    and .key == "heroku/layers/" + .digest + ".tar.gz")
  and (.listing | (.key | line("[^ ]+")) and (.sha256 | hex))
  and (.closure | type == "array" and length > 0 and all(.[];
    (.path | store_path)
    and (.narHash | line("sha256:[0-9a-df-np-sv-z]{52}"))
    and (.narSize | count)
    and (.references | type == "array" and all(.[]; store_path)))))
