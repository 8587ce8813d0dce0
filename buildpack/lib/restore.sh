# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# Which build a push releases: that of the pushed commit, else of an equal tree, else the newest that succeeded.

# Fetches the record of the build to restore. Prints by what it was found, `asked`, `commit`, `tree` or `newest`, or `none`. Unless
# the commit was enough, WORK_DIR/tree holds the tree's hash then, if that is known.
#
# Usage: restore::choose "${build_dir}" "${asked}" "${commit}" "${work_dir}"
function restore::choose() {
	local build_dir="${1}"
	local asked="${2}"
	local commit="${3}"
	local work_dir="${4}"
	local record_file="${work_dir}/record.json"
	local tree
	local found

	if [[ -n "${asked}" ]]; then
		found="$(record::fetch_build "${asked}" "${record_file}")"
		[[ "${found}" == found ]] || restore::fail_gone "${asked}"
		echo asked
		return 0
	fi
	if [[ -n "${commit}" ]]; then
		found="$(record::fetch "commits/${commit}" "${record_file}")"
		if [[ "${found}" == found ]]; then
			echo commit
			return 0
		fi
	fi
	tree="$(tree::hash "${build_dir}" "${work_dir}")"
	printf '%s' "${tree}" > "${work_dir}/tree"
	if [[ -n "${tree}" ]]; then
		found="$(record::fetch "trees/${tree}" "${record_file}")"
		if [[ "${found}" == found ]]; then
			echo tree
			return 0
		fi
	fi
	found="$(record::fetch newest "${record_file}")"
	case "${found}" in
	found) echo newest ;;
	*) echo none ;;
	esac
}

# Prints the build that heroku nix:redeploy --via build asks for: COMMIT+BUILD, or BUILD alone (src/lib/redeploy/source-version.ts).
#
# Usage: restore::asked "${SOURCE_VERSION:-}"
function restore::asked() {
	if [[ "${1}" =~ ^([0-9a-f]{40,64}\+)?([0-9]{8}-[0-9]{6}-[0-9a-z]{4})$ ]]; then
		echo "${BASH_REMATCH[2]}"
	fi
}

# Prints the pushed commit; nothing where SOURCE_VERSION is no commit's hash: the Builds API takes any text there, or none.
#
# Usage: restore::commit "${SOURCE_VERSION:-}"
function restore::commit() {
	local version="${1,,}"

	version="${version%%+*}"
	if [[ "${version}" =~ ^([0-9a-f]{40}|[0-9a-f]{64})$ ]]; then
		echo "${version}"
	fi
}

# Says what is going to be restored, or ends the build where that must not be.
#
# Usage: restore::announce "${found_by}" "${record_file}" "${commit}"
function restore::announce() {
	local found_by="${1}"
	local record_file="${2}"
	local commit="${3}"
	local id
	local built
	local tree

	if [[ "${found_by}" == none ]]; then
		restore::announce_none "${commit}"
		return 0
	fi
	id="$(record::field "${record_file}" .id)"
	built="$(record::field "${record_file}" .source.commit)"
	tree="$(record::field "${record_file}" .source.tree)"
	report::word build "${id}"
	report::word built_commit "${built:-none}"
	case "${found_by}" in
	asked) output::step "Restoring build ${id}, which was asked for" ;;
	commit) output::step "Restoring build ${id} of this commit, ${commit:0:10}" ;;
	tree) output::step "Restoring build ${id} of this very tree, ${tree:0:10}" ;;
	built) output::step "Putting build ${id} into the slug" ;;
	newest) restore::announce_older "${id}" "${built}" "${tree}" "${commit}" ;;
	*) return 2 ;;
	esac
}

# Usage: restore::announce_older "${id}" "${built_commit}" "${built_tree}" "${commit}"
function restore::announce_older() {
	local id="${1}"
	local built="commit ${2}"
	local pushed="commit ${4}"

	[[ -n "${2}" ]] || built="tree ${3}, which no commit held"
	[[ -n "${4}" ]] || pushed="something whose commit is not known"
	restore::fail_if_required "${pushed}" "The newest is ${id} of ${built}."
	output::warning <<- EOT
		What was pushed has not been built; an older build is released.

		Pushed:   ${pushed}
		Restored: build ${id} of ${built}

		To release what was pushed: heroku nix:build, then heroku nix:redeploy or push again.
	EOT
	output::step "Restoring build ${id}, the newest that succeeded"
}

# Usage: restore::announce_none "${commit}"
function restore::announce_none() {
	local commit="${1}"
	local pushed="commit ${commit}"

	[[ -n "${commit}" ]] || pushed="something whose commit is not known"
	restore::fail_if_required "${pushed}" "${NIX_APP_NAME} has no build that succeeded."
	output::step "No build of ${NIX_APP_NAME} has succeeded yet: there is nothing to restore"
	output::indent "The app is set up. What to type next:" \
		"1. heroku nix:build" "2. heroku nix:redeploy, or push again"
}

function restore::fail_gone() {
	failures::fail build-gone <<- EOT
		The build that was asked for is not in the bucket.

		Found: no build ${1} of ${NIX_APP_NAME} in bucket ${NIX_S3_BUCKET}.

		What to do:
		1. Release another one: heroku nix:redeploy --via build --build BUILD
	EOT
}

# Usage: restore::fail_if_required "${what_was_pushed}" "${what_there_is}"
function restore::fail_if_required() {
	local is_on=0

	# shellcheck disable=SC2310 # It calls nothing that could fail.
	config::is_on "${NIX_REQUIRE_COMMIT}" || is_on="${?}"
	((is_on == 0)) || return 0
	failures::fail not-built <<- EOT
		What was pushed has not been built, and NIX_REQUIRE_COMMIT is set.

		Found: ${1} was pushed.
		${2}

		What to do:
		1. Build it, then push again: heroku nix:build
		2. Or take the newest build where there is no other: heroku config:unset NIX_REQUIRE_COMMIT
	EOT
}
