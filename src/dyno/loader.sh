# shellcheck shell=bash
# Fetches Node and the dyno program from the bucket and becomes them.
#
# A template: makeToolbox fills in the digests, and the result's own digest is the toolbox's. The clean shell of
# src/lib/build/dyno-command.ts has checked that digest and evaluates this text, with the subcommand and the build's id
# as arguments and NIX_* and DYNO as variables that are not exported: no child's environment holds them. Needs what a
# Heroku stack's run image has, and no more.
set -euo pipefail
shopt -s inherit_errexit

export PATH=/usr/local/bin:/usr/bin:/bin HOME=/app LANG=C.UTF-8

: "${NIX_S3_KEY:?is not set. Run: heroku nix:setup}" "${NIX_S3_SECRET:?is not set. Run: heroku nix:setup}"
: "${NIX_S3_BUCKET:?is not set. Run: heroku nix:setup}" "${NIX_TOOLBOX:?is not set}"

node_sha256='@NODE_SHA256@'
program_sha256='@PROGRAM_SHA256@'
lock_sha256='@LOCK_SHA256@'
work_dir=/app/.nix-build

# Fetches an object of the bucket into a file and checks it. With NIX_TOOLS_DIR, a folder that outlives this run, it is
# taken from there, and kept there by its digest; what was of use is touched.
#
# Usage: loader::fetch "${key}" "${presigned_url}" "${sha256}" "${file}"
function loader::fetch() {
	local sha256="${3}"
	local file="${4}"
	local kept="${NIX_TOOLS_DIR:+${NIX_TOOLS_DIR}/${sha256}}"

	if [[ -f "${kept}" ]] && sha256sum --check --status <<< "${sha256}  ${kept}"; then
		touch "${kept}"
		cp "${kept}" "${file}"
		return 0
	fi
	loader::download "${@}"
	if [[ -n "${kept}" ]]; then
		cp "${file}" "${kept}.new"
		mv "${kept}.new" "${kept}"
	fi
}

# Usage: loader::download "${key}" "${presigned_url}" "${sha256}" "${file}"
function loader::download() {
	local key="${1}"
	local presigned_url="${2}"
	local sha256="${3}"
	local file="${4}"
	local region="${NIX_S3_REGION:-us-east-1}"
	local endpoint="${NIX_S3_ENDPOINT:-https://s3.${region}.amazonaws.com}"
	local config

	if [[ -n "${presigned_url}" ]]; then
		config="url=${presigned_url}"
	else
		# curl 7.88 signs no payload hash of its own accord.
		printf -v config '%s\n' \
			"url=${endpoint%/}/${NIX_S3_BUCKET}/${key}" \
			"user=${NIX_S3_KEY}:${NIX_S3_SECRET}" \
			"aws-sigv4=aws:amz:${region}:s3" \
			'header="x-amz-content-sha256: UNSIGNED-PAYLOAD"'
	fi
	if ! curl --disable --globoff --fail --silent --show-error --connect-timeout 10 --speed-limit 1 --speed-time 60 \
		--retry 5 --retry-all-errors --output "${file}" --config - <<< "${config}"; then
		loader::fail "${key} could not be fetched from bucket ${NIX_S3_BUCKET}."
	fi
	if ! sha256sum --check --status <<< "${sha256}  ${file}"; then
		loader::fail "${key} in bucket ${NIX_S3_BUCKET} has another digest than its name says."
	fi
}

# Usage: loader::fail "${message}"
function loader::fail() {
	local message="${1}"

	printf ' !     %s\n !     Run: heroku nix:setup\n' "${message}" >&2
	exit 70
}

# Prints the variables that the program reads from file descriptor 3, one to a line: NAME=value, with backslashes and
# newlines of the value written \\ and \n.
function loader::variables() {
	local name
	local value

	for name in "${!NIX_@}" DYNO; do
		value="${!name:-}"
		value="${value//\\/\\\\}"
		printf '%s=%s\n' "${name}" "${value//$'\n'/\\n}"
	done
}

# The slug's old one, if it carries such a folder, is nobody's. Its folders may be read-only.
if [[ -e "${work_dir}" ]]; then
	chmod --recursive u+rwX "${work_dir}"
	rm --recursive --force "${work_dir}"
fi
mkdir --parents "${work_dir}/node"

# Whoever started this may not read any more, which ends no build.
echo '-----> Fetching toolbox' || true
loader::fetch "heroku/toolbox/${NIX_TOOLBOX}/tools.lock.json" "${NIX_LOCK_URL:-}" "${lock_sha256}" "${work_dir}/tools.lock.json"
loader::fetch "heroku/toolbox/${NIX_TOOLBOX}/dyno.mjs" "${NIX_PROGRAM_URL:-}" "${program_sha256}" "${work_dir}/dyno.mjs"
loader::fetch "heroku/toolbox/tools/${node_sha256}" "${NIX_NODE_URL:-}" "${node_sha256}" "${work_dir}/node.tgz"
tar --extract --gzip --file="${work_dir}/node.tgz" --directory="${work_dir}/node" --strip-components=1 package/bin/node
rm "${work_dir}/node.tgz"

variables="$(loader::variables)"
exec "${work_dir}/node/bin/node" "${work_dir}/dyno.mjs" "$@" 3<<< "${variables}"
