/** What runs inside a build's jail, each as `bash -c SCRIPT NAME ARGUMENT…`, so that no path or pattern of an app is ever part of a program. */

/**
 * FOLDER STRIP: unpacks the tar on standard input. With STRIP `yes` a single folder that holds everything, as GitHub's archives have it,
 * is left out; with `buildpack`, if it holds the buildpack's bin.
 */
export const UNPACK = `set -euo pipefail
umask 022
mkdir --parents "$1"
top="$(tar --extract --verbose --file=- --directory="$1" --no-same-owner --warning=no-timestamp \\
  | awk -F/ '!($1 in seen) { seen[$1]; count++; name = $1 } END { if (count == 1) print name }')"
if [[ ( "$2" == yes || ( "$2" == buildpack && -d "$1/$top/bin" ) ) && -n "$top" && "$top" != . && -d "$1/$top" && ! -L "$1/$top" ]]; then
  mv -- "$1/$top" "$1.top"
  rmdir -- "$1"
  mv -- "$1.top" "$1"
fi`

/**
 * BUILD_DIR: removes what .slugignore names and prints how many that was. A pattern with a slash begins at the root, one without it
 * matches at any depth; there is no \`!\`. https://devcenter.heroku.com/articles/slug-compiler#ignoring-files-with-slugignore
 */
export const SLUGIGNORE = `set -euo pipefail
shopt -s globstar nullglob
cd "$1"
[[ -f .slugignore ]] || exit 0
IFS=
count=0
while read -r line || [[ -n "$line" ]]; do
  line="\${line%%#*}"
  line="\${line#"\${line%%[![:space:]]*}"}"
  line="\${line%"\${line##*[![:space:]]}"}"
  [[ -n "$line" ]] || continue
  case "$line" in
    */*) found=(./$line) ;;
    *) found=(./**/$line) ;;
  esac
  for path in "\${found[@]}"; do
    [[ -e "$path" || -L "$path" ]] || continue
    [[ "$(realpath --canonicalize-missing --no-symlinks -- "$path")" == "$1"/?* ]] || continue
    rm --recursive --force -- "\${path%/}"
    count=$((count + 1))
  done
done < .slugignore
printf '%s\\n' "$count"`

/** BUILDPACK PROGRAM ARGUMENTS OTHERS…: runs a program of a buildpack with that many arguments, after the \`export\` files of the other buildpacks. */
export const BUILDPACK = `umask 022
program="$1/bin/$2"
count="$3"
shift 3
arguments=("\${@:1:count}")
for other in "\${@:count+1}"; do
  if [[ -f "$other/export" ]]; then
    . "$other/export"
  fi
done
exec "$program" "\${arguments[@]}"`

/** BUILDPACK: git and some archives lose the modes of programs. */
export const MAKE_EXECUTABLE = 'shopt -s nullglob; for program in "$1"/bin/*; do chmod +x -- "$program"; done'

/** BUILD_DIR: its Procfile, if any. */
export const PROCFILE = 'if [[ -f "$1/Procfile" ]]; then cat -- "$1/Procfile"; fi'

/** BUILD_DIR: a tar of it as ./app. The flag S keeps the pattern off the targets of symbolic links. */
export const PACK_SLUG = 'exec tar --create --format=gnu --directory="$1" --transform="s,^\\.,./app,S" --owner=root:0 --group=root:0 .'

/** FOLDER: a tar of it. */
export const PACK = 'exec tar --create --format=gnu --directory="$1" .'
