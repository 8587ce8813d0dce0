# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # NIX_* are config.sh's
# NIX_BUILD_ON_PUSH: the build of what was pushed, within the push, by the program that dynos build with. It saves each
# path in the bucket as it is made, and writes the same record, so a push that was cut off is gone on with by the next.

# Where the program keeps things: BUILD_LAYOUT of src/dyno/build/layout.ts, LAYOUT of src/dyno/engine/layout.ts.
# shellcheck disable=SC2034 # bin/compile reads it.
readonly BUILD_LAYER=/app/.nix-build/layer.tar.gz
readonly BUILD_LEFTOVERS=(/app/.nix /app/.nixs /app/.nix-build /app/result)

# Prints "yes" where there is nothing to restore that is what was pushed, and the app wants that to be built.
#
# Usage: build::is_needed "${found_by}"
function build::is_needed() {
	local found_by="${1}"
	local is_on=0

	# shellcheck disable=SC2310 # It calls nothing that could fail.
	config::is_on "${NIX_BUILD_ON_PUSH}" || is_on="${?}"
	case "${found_by} ${is_on}" in
	"newest 0" | "none 0") echo yes ;;
	*) echo no ;;
	esac
}

# Builds, and leaves the build's checked record in a file and its layer in BUILD_LAYER; or ends the push.
#
# Usage: build::run "${build_dir}" "${commit}" "${record_file}" "${cache_dir}"
function build::run() {
	local build_dir="${1}"
	local commit="${2}"
	local record_file="${3}"
	local cache_dir="${4}"
	local loader
	local found
	local id=""
	local status=0

	loader="$(toolbox::prepare "${cache_dir}")"
	output::step "Building what was pushed, because NIX_BUILD_ON_PUSH is set"
	output::indent "Heroku ends a push after 15 minutes. What is built by then is saved: push again, and the build goes on."
	# shellcheck disable=SC2310 # Its status is looked at.
	toolbox::run "${loader}" build-pushed "${build_dir}" "${commit}" "${record_file}.id" || status="${?}"
	if [[ -f "${record_file}.id" ]]; then
		id="$(< "${record_file}.id")"
		report::word build "${id}"
	fi
	((status == 0)) || build::fail "${status}" "${id}"
	toolbox::drop_old "${cache_dir}"
	found="$(record::fetch_build "${id}" "${record_file}")"
	[[ "${found}" == found ]] || build::fail "${status}" "${id}"
}

# Removes what the build left in /app, where later buildpacks may look for something.
function build::clean_up() {
	local place

	for place in "${BUILD_LEFTOVERS[@]}"; do
		if [[ -d "${place}" && ! -L "${place}" ]]; then
			# A store's folders are read-only.
			find "${place}" -type d ! -perm -u+w -exec chmod u+w {} +
		fi
		rm --recursive --force -- "${place}"
	done
}

# Usage: build::fail "${status}" "${id}"
function build::fail() {
	local status="${1}"
	local reason=build-broken

	case "${status}" in
	4) reason=bad-project ;;
	5) reason=build-failed ;;
	6) reason=build-interrupted ;;
	10) reason=wrong-digest ;;
	70) reason=no-toolbox ;;
	*) ;;
	esac
	failures::fail "${reason}" <<- EOT
		What was pushed was not built; what is released keeps running.

		Found: ${2:+build ${2}, }exit status ${status}. The log above says why.

		What to do:
		1. Mend it, commit, and push again. What was built so far is saved and not built again.
		2. Or build on a one-off dyno, without Heroku's limit of 15 minutes: heroku nix:build
		${2:+3. To read the log again: heroku nix:build --follow ${2}}
	EOT
}
