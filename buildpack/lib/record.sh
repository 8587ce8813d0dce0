# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# Builds' records in the bucket: src/lib/build/record.ts, src/lib/bucket/keys.ts. Nothing of a record is believed before
# its signature was checked: writing to the bucket must not be running code in web dynos.

# Fetches the record that a pointer names, and checks it. Prints "found" or "missing". The pointer is `newest`,
# `commits/COMMIT` or `trees/TREE`.
#
# Usage: record::fetch "${pointer}" "${file}"
function record::fetch() {
	local pointer="${1}"
	local file="${2}"
	local prefix="heroku/apps/${NIX_APP_NAME}"
	local found
	local id=""

	found="$(s3::get "${prefix}/${pointer}" "${file}.pointer")"
	if [[ "${found}" == missing ]]; then
		echo missing
		return 0
	fi
	IFS= read -r -n 100 id < "${file}.pointer" || true
	if [[ ! "${id}" =~ ^[0-9]{8}-[0-9]{6}-[0-9a-z]{4}$ ]]; then
		record::fail "${prefix}/${pointer}" "it holds no build's id"
	fi
	# A pointer whose record was deleted counts as none, as for heroku nix:redeploy.
	found="$(record::fetch_build "${id}" "${file}")"
	if [[ "${found}" == found ]]; then
		record::matches "${file}" "${pointer}" "${prefix}/${pointer}"
	fi
	echo "${found}"
}

# Fetches a build's record, and checks it. Prints "found" or "missing".
#
# Usage: record::fetch_build "${id}" "${file}"
function record::fetch_build() {
	local id="${1}"
	local file="${2}"
	local key="heroku/apps/${NIX_APP_NAME}/builds/${id}/build.json"
	local found

	found="$(s3::get "${key}" "${file}")"
	if [[ "${found}" == found ]]; then
		record::verify "${file}" "${id}" "${key}"
	fi
	echo "${found}"
}

# Prints a field of a checked record; nothing for null.
#
# Usage: record::field "${file}" .source.commit
function record::field() {
	jq --raw-output "${2} // empty" "${1}"
}

# Ends the build unless the record is what NIX_SIGNING_KEY's owner wrote about this build of this app.
#
# Usage: record::verify "${file}" "${id}" "${key}"
function record::verify() {
	local file="${1}"
	local id="${2}"
	local key="${3}"
	local app_and_id
	local status=0

	jq --exit-status --from-file "${LIB_DIR}/record.jq" "${file}" > /dev/null 2>&1 || status="${?}"
	((status == 0)) || record::fail "${key}" "it is no record of a succeeded build"
	app_and_id="$(jq --raw-output '"\(.app) \(.id)"' "${file}")"
	[[ "${app_and_id}" == "${NIX_APP_NAME} ${id}" ]] || record::fail "${key}" "it is the record of another build"
	record::is_signed "${file}" "${LIB_DIR}/signed-text.jq" || status="${?}"
	((status == 0)) || record::fail "${key}" "it is not signed with NIX_SIGNING_KEY's key ${NIX_SIGNING_KEY%%:*}"
}

# Whether this app's key signed exactly what a record or a note says: the text that a jq program makes of it.
#
# Usage: record::is_signed "${file}" "${program_file}"
function record::is_signed() {
	local file="${1}"
	local program_file="${2}"
	local signature

	signature="$(jq --raw-output .signature "${file}")" || return 1
	[[ "${signature%%:*}" == "${NIX_SIGNING_KEY%%:*}" ]] || return 1
	jq --raw-output --from-file "${program_file}" "${file}" > "${file}.text" || return 1
	base64 --decode <<< "${signature#*:}" > "${file}.signature" || return 1
	{
		# What comes before the 32 bytes of an ed25519 public key in DER (RFC 8410).
		printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'
		# A Nix key is the 32 bytes of the seed, which stay here, and those of the public key.
		base64 --decode <<< "${NIX_SIGNING_KEY#*:}" | tail --bytes=32
	} > "${file}.key" || return 1
	openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "${file}.key" -in "${file}.text" \
		-sigfile "${file}.signature" > /dev/null 2>&1
}

# Ends the build where a pointer names a build of something else: pointers are not signed.
function record::matches() {
	local file="${1}"
	local pointer="${2}"
	local key="${3}"
	local hash="${pointer#*/}"
	local of

	case "${pointer}" in
	newest) return 0 ;;
	commits/*) of="$(record::field "${file}" .source.commit)" ;;
	trees/*) of="$(record::field "${file}" .source.tree)" ;;
	*) return 2 ;;
	esac
	[[ "${of}" == "${hash}" ]] || record::fail "${key}" "it names a build of ${of:-no commit}"
}

# Usage: record::fail "${key}" "${what_is_wrong}"
function record::fail() {
	failures::fail bad-record <<- EOT
		The bucket holds something that heroku-nix did not write there.

		Found: ${1}
		of bucket ${NIX_S3_BUCKET}: ${2}.

		What to check:
		1. Was NIX_SIGNING_KEY changed since the build? Build again: heroku nix:build --force
		2. Do apps of different owners share the bucket and NIX_APP_NAME? heroku config:get NIX_APP_NAME
		3. Who else can write to the bucket? Nothing of it was used.
	EOT
}
