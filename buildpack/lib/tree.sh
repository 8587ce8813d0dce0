# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# The pushed source's Git tree hash, as the commit has it: an amended or an empty commit has another id and the same tree.

# Prints the tree hash of a folder, or nothing where Git cannot tell. It is another one than the commit's where something
# was taken away or added since the checkout: by .slugignore, by another buildpack, by `export-subst`. WORK_DIR/files then
# lists the folder's files as `git ls-files --stage -z` does.
#
# Usage: tree::hash "${build_dir}" "${work_dir}"
function tree::hash() {
	local build_dir="${1}"
	local work_dir="${2}"
	local -a git=(
		# Whoever owns the folder, and whatever the machine's and the user's settings say.
		env --unset=GIT_INDEX_FILE --unset=GIT_OBJECT_DIRECTORY --unset=GIT_ALTERNATE_OBJECT_DIRECTORIES
		GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null HOME="${work_dir}" LC_ALL=C
		git -C "${build_dir}" "--git-dir=${work_dir}/tree.git" "--work-tree=${build_dir}"
		-c core.compression=0 -c core.autocrlf=false -c core.safecrlf=false -c core.excludesFile=/dev/null
		-c advice.addEmbeddedRepo=false
	)
	local status=0
	local hash

	"${git[@]}" init --quiet --template= > /dev/null 2>&1 || status="${?}"
	((status == 0)) || return 0
	# Blobs are taken as they lie there, whatever the project's .gitattributes say.
	mkdir --parents "${work_dir}/tree.git/info"
	echo '* -text -eol -ident -filter -working-tree-encoding' > "${work_dir}/tree.git/info/attributes"
	# What .gitignore names can be in a commit all the same.
	"${git[@]}" add --force --all -- . > /dev/null 2>&1 || status="${?}"
	((status == 0)) || return 0
	hash="$("${git[@]}" write-tree 2> /dev/null)" || status="${?}"
	"${git[@]}" ls-files --stage -z > "${work_dir}/files" 2> /dev/null || status="${?}"
	rm --recursive --force "${work_dir}/tree.git"
	((status != 0)) || echo "${hash}"
}
