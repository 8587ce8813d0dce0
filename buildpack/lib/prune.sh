# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# A pushed .slugexclude that is not the build's: the closure is pruned by the pushed one. What was pruned by it before lies
# in the bucket with a signed note; else the program that dynos run makes it out of the closure's paths.

# Where that program leaves what it made, unless the bucket has other bytes of it: FOLDER of src/dyno/prune/start-prune-pushed.ts.
readonly PRUNE_LAYER=/app/.nix-build/pruned/layer.tar.gz

# Makes a checked record name the layer of the pushed rules. Sets PRUNE_MADE to the layer's file where it was made now, else
# to nothing.
#
# Usage: prune::ensure "${record_file}" "${build_dir}" "${cache_dir}"
function prune::ensure() {
	local record_file="${1}"
	local build_dir="${2}"
	local cache_dir="${3}"
	local note="${record_file}.layer"
	local -a slugexclude=()
	local signed
	local digest
	local found

	declare -g PRUNE_MADE=""
	[[ ! -f "${build_dir}/.slugexclude" ]] || slugexclude=("${build_dir}/.slugexclude")
	signed="$(record::field "${record_file}" .outcome.layer.digest)"
	digest="$(prune::digest "${record_file}" "${slugexclude[@]}")"
	[[ "${digest}" != "${signed}" ]] || return 0

	found="$(prune::fetch_note "${digest}" "${note}")"
	if [[ "${found}" == found ]]; then
		report::word slugexclude pruned-before
		output::indent "Pruned by the pushed .slugexclude, which is not the build's, as it was before"
	else
		report::word slugexclude pruned-now
		output::step "Pruning anew: the pushed .slugexclude is not the build's"
		prune::run "${record_file}" "${digest}" "${cache_dir}" "${slugexclude[@]}"
		found="$(prune::fetch_note "${digest}" "${note}")"
		[[ "${found}" == found ]] || prune::fail 0
		# shellcheck disable=SC2034 # bin/compile reads it.
		[[ ! -f "${PRUNE_LAYER}" ]] || PRUNE_MADE="${PRUNE_LAYER}"
	fi
	jq --slurpfile note "${note}" '.outcome.layer = $note[0].layer' "${record_file}" > "${record_file}.new"
	mv -- "${record_file}.new" "${record_file}"
}

# Prints the digest of the layer that a build and a .slugexclude, or none, make: layerDigest of src/lib/slug/layer-digest.ts.
#
# Usage: prune::digest "${record_file}" [SLUGEXCLUDE]
function prune::digest() {
	local record_file="${1}"
	local rules=null
	local digest

	if [[ -n "${2:-}" ]]; then
		rules="$(sha256sum < "${2}")"
		rules="\"${rules%% *}\""
	fi
	# Without the newline that ends jq's output.
	digest="$(jq --compact-output --join-output --argjson rules "${rules}" --from-file "${LIB_DIR}/layer-inputs.jq" \
		"${record_file}" | sha256sum)"
	printf '%s\n' "${digest%% *}"
}

# Fetches the note of a layer. Prints "found" where this app's key signed it and the layer is there, else "missing".
#
# Usage: prune::fetch_note "${digest}" "${file}"
function prune::fetch_note() {
	local digest="${1}"
	local file="${2}"
	local key="heroku/layers/${digest}.${NIX_SIGNING_KEY%%:*}.json"
	local found
	local status=0

	found="$(s3::get "${key}" "${file}")"
	if [[ "${found}" == found ]]; then
		jq --exit-status --arg digest "${digest}" --from-file "${LIB_DIR}/layer-note.jq" "${file}" > /dev/null 2>&1 || status="${?}"
		# shellcheck disable=SC2310 # Each of its steps is checked.
		((status != 0)) || record::is_signed "${file}" "${LIB_DIR}/layer-text.jq" || status="${?}"
		if ((status != 0)); then
			output::warning <<- EOT
				${key} is not signed with NIX_SIGNING_KEY's key ${NIX_SIGNING_KEY%%:*} for this layer, so it is not used.
			EOT
			found=missing
		fi
	fi
	if [[ "${found}" == found ]]; then
		found="$(s3::look_for "heroku/layers/${digest}.tar.gz")"
	fi
	echo "${found}"
}

# Usage: prune::run "${record_file}" "${digest}" "${cache_dir}" [SLUGEXCLUDE]
function prune::run() {
	local record_file="${1}"
	local digest="${2}"
	local cache_dir="${3}"
	local loader
	local id
	local status=0

	shift 3
	loader="$(toolbox::prepare "${cache_dir}")"
	id="$(record::field "${record_file}" .id)"
	# shellcheck disable=SC2310 # Its status is looked at.
	toolbox::run "${loader}" prune-pushed "${id}" "${digest}" "${@}" || status="${?}"
	((status == 0)) || prune::fail "${status}"
}

# Usage: prune::fail "${status}"
function prune::fail() {
	failures::fail not-pruned <<- EOT
		The closure was not pruned by the pushed .slugexclude; what is released keeps running.

		Found: exit status ${1} of what prunes. The log above says why.

		What to do:
		1. Build, which prunes, too, then push again: heroku nix:build
		2. Or push with the build's .slugexclude.
	EOT
}
