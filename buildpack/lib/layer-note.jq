# Whether an object is a note of the layer $digest, each of its fields of its alphabet: src/lib/layers/layer-note.ts.
def line($pattern): type == "string" and (test("[\\x00-\\x1f\\x7f]") | not) and test("^(?:" + $pattern + ")$");
def count: type == "number" and . >= 0 and . == floor and . < 9007199254740992;

.version == 1
and (.signature | line("[A-Za-z0-9_.-]{1,100}:[A-Za-z0-9+/]{86}=="))
and (.layer |
  .digest == $digest
  and (.sha256 | line("[0-9a-f]{64}")) and (.size | count) and (.unpackedSize | count)
  and .key == "heroku/layers/" + $digest + ".tar.gz")
