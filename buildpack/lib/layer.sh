# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# Layers: the pruned closure of a build, ready to be unpacked. A run of gzip members that hold tar entries below ./app/,
# without the blocks that end an archive (docs/decisions/0009-layer-format.md); GNU tar does without them.

# How often a layer is fetched whose connection breaks.
readonly LAYER_TRIES=3

# Unpacks a build's layer into the slug: whole and of the right digest, or not at all. It comes from the bucket, unless it
# is in a file here.
#
# Usage: layer::restore "${record_file}" "${build_dir}" "${work_dir}" [LAYER_FILE]
function layer::restore() {
	local record_file="${1}"
	local build_dir="${2}"
	local work_dir="${3}"
	local layer_file="${4:-}"
	# In the slug's own folder, so that moving what is right there copies nothing.
	local staging="${build_dir}/.heroku/nix/incoming"
	local outcome=broken
	local try

	for ((try = 1; try <= LAYER_TRIES; try++)); do
		rm --recursive --force -- "${staging}"
		mkdir --parents "${staging}"
		outcome="$(layer::fetch "${record_file}" "${staging}" "${work_dir}" "${layer_file}")"
		[[ "${outcome}" == broken ]] || break
		sleep "${try}"
	done
	if [[ "${outcome}" != whole ]]; then
		rm --recursive --force -- "${staging}"
		layer::fail "${outcome}" "${record_file}" "${work_dir}"
	fi
	mv --no-target-directory -- "${staging}/.nixs" "${build_dir}/.nixs"
	mv --no-target-directory -- "${staging}/result" "${build_dir}/result"
	rmdir -- "${staging}"
}

# Downloads, checks and unpacks in one go. Prints `whole`, `broken` (the connection), `refused` (the bucket), `full` (the
# disk), `wrong` (other bytes than were signed) or `unreadable` (no layer although the bytes are right).
#
# Usage: layer::fetch "${record_file}" "${staging}" "${work_dir}" "${layer_file}"
function layer::fetch() {
	local record_file="${1}"
	local staging="${2}"
	local work_dir="${3}"
	local layer_file="${4}"
	local key
	local hasher
	local decompressor
	local -a statuses=(0)
	local http_status

	key="$(record::field "${record_file}" .outcome.layer.key)"
	decompressor="$(layer::decompressor)"
	rm --force -- "${work_dir}/bytes"
	mkfifo "${work_dir}/bytes"
	sha256sum < "${work_dir}/bytes" > "${work_dir}/layer.sha256" &
	hasher="${!}"
	# shellcheck disable=SC2310 # Each part's status is looked at.
	layer::open "${key}" "${work_dir}/layer.facts" "${layer_file}" | tee "${work_dir}/bytes" |
		LC_ALL=C tar --extract --use-compress-program="${decompressor}" --file=- --directory="${staging}" --strip-components=2 --no-same-owner \
			> /dev/null 2> "${work_dir}/tar.log" || statuses=("${PIPESTATUS[@]}")
	wait "${hasher}"
	IFS=' ' read -r http_status _ < "${work_dir}/layer.facts" || true
	layer::judge "${record_file}" "${staging}" "${work_dir}" "${http_status:-000}" "${statuses[@]}"
}

# Prints the program that reads gzip fastest here: zstd, where it was built to, does so in half of gzip's time.
#
# Usage: layer::decompressor
function layer::decompressor() {
	if gzip --stdout < /dev/null | zstd --decompress --stdout > /dev/null 2>&1; then
		echo zstd
	else
		echo gzip
	fi
}

# Writes the layer's bytes to standard output, as s3::stream does.
#
# Usage: layer::open "${key}" "${facts_file}" "${layer_file}"
function layer::open() {
	local key="${1}"
	local facts_file="${2}"
	local layer_file="${3}"

	if [[ -z "${layer_file}" ]]; then
		s3::stream "${key}" "${facts_file}"
	else
		stat --format='200 %s' -- "${layer_file}" > "${facts_file}"
		cat -- "${layer_file}"
	fi
}

# Prints what a try came to.
#
# Usage: layer::judge "${record_file}" "${staging}" "${work_dir}" "${http_status}" "${statuses_of_curl_tee_and_tar[@]}"
function layer::judge() {
	local record_file="${1}"
	local staging="${2}"
	local work_dir="${3}"
	local http_status="${4}"
	local curl_status="${5}"
	local tar_status="${7:-0}"
	local expected
	local digest

	# "Wrote only": of the file that filled the disk.
	if grep --quiet --extended-regexp 'No space left on device|Disk quota exceeded|Wrote only [0-9]+ of' "${work_dir}/tar.log"; then
		echo full
		return 0
	fi
	case "${curl_status} ${http_status}" in
	# 23: whoever read the bytes has stopped.
	0\ * | 23\ *) ;;
	22\ 4[0-9][0-9] | 22\ 3[0-9][0-9])
		echo refused
		return 0
		;;
	*)
		echo broken
		return 0
		;;
	esac
	expected="$(record::field "${record_file}" .outcome.layer.sha256)"
	digest="$(< "${work_dir}/layer.sha256")"
	if [[ "${digest%% *}" != "${expected}" ]]; then
		echo wrong
	elif ((tar_status != 0)) || [[ ! -d "${staging}/.nixs" || -L "${staging}/.nixs" || ! -L "${staging}/result" ]]; then
		echo unreadable
	else
		echo whole
	fi
}

# Says how much was unpacked, and how fast.
#
# Usage: layer::report "${record_file}" "${start}" [made]
function layer::report() {
	local record_file="${1}"
	local start="${2}"
	local how="${3:-fetched}"
	local sizes
	local seconds
	local bytes

	sizes="$(jq --raw-output '.outcome.layer | [.size, .unpackedSize][] / 1048576' "${record_file}" | LC_ALL=C xargs printf '%.1f ')"
	bytes="$(record::field "${record_file}" .outcome.layer.size)"
	seconds="$(report::seconds_since "${start}")"
	report::number layer_bytes "${bytes}"
	output::indent "${sizes%% *} MB ${how}, ${sizes#* }MB unpacked, digest checked, in ${seconds} s"
}

# Ends the build with what a restore came to.
#
# Usage: layer::fail "${outcome}" "${record_file}" "${work_dir}"
function layer::fail() {
	local outcome="${1}"
	local record_file="${2}"
	local work_dir="${3}"
	local key
	local size
	local http_status
	local bytes
	local place

	key="$(record::field "${record_file}" .outcome.layer.key)"
	size="$(record::field "${record_file}" .outcome.layer.size)"
	IFS=' ' read -r http_status bytes < "${work_dir}/layer.facts" || true
	place="${key}
of bucket ${NIX_S3_BUCKET}"
	case "${outcome} ${http_status:-000}" in
	full\ *) layer::fail_full "${record_file}" ;;
	wrong\ *) layer::fail_wrong "${place}" "${bytes:-0} of ${size} bytes came, and their sha256 is not the one that was signed" ;;
	unreadable\ *) layer::fail_unreadable "${place}" "${work_dir}/tar.log" ;;
	"refused 404") layer::fail_gone "${place}" ;;
	"refused 403") s3::fail_denied "${key}" "" ;;
	refused\ *) s3::fail_answer "${key}" "${http_status}" ;;
	*) layer::fail_broken "${place}" "${bytes:-0} of ${size} bytes" ;;
	esac
}

function layer::fail_full() {
	local record_file="${1}"
	local size

	size="$(record::field "${record_file}" .outcome.layer.unpackedSize)"
	failures::fail disk-full <<- EOT
		There is no room for the closure on this machine's disk.

		Found: it has ${size} bytes unpacked; nothing of it was kept.

		What to check:
		1. Drop what the app does not need at run time in .slugexclude, and commit that.
		2. Then build and push again: heroku nix:build
		3. Or release without a push: heroku nix:redeploy
	EOT
}

# Usage: layer::fail_wrong "${place}" "${what_was_found}"
function layer::fail_wrong() {
	failures::fail wrong-layer <<- EOT
		The closure in the bucket is not the one that was built; nothing of it was kept.

		Found: ${1}:
		${2}.

		What to check:
		1. Was an object changed or cut off? Delete it, then: heroku nix:build --force
		2. Who else can write to the bucket?
	EOT
}

# Usage: layer::fail_unreadable "${place}" "${log_of_tar}"
function layer::fail_unreadable() {
	local place="${1}"
	local said

	said="$(tail --lines=1 "${2}" | LC_ALL=C tr --complement --delete '[:print:]')"
	failures::fail unreadable-layer <<- EOT
		The closure could not be unpacked; nothing of it was kept.

		Found: ${place}
		has the right sha256, but: ${said:-it holds no closure}

		What to check:
		1. Push again. If that fails, too: heroku nix:redeploy, which needs no push.
		2. Please report it: https://github.com/heroku-nix/heroku-nix/issues
	EOT
}

function layer::fail_gone() {
	failures::fail layer-gone <<- EOT
		The closure of the build is no longer in the bucket.

		Found: no ${1}.

		What to check:
		1. Does the bucket have a lifecycle rule that deletes what is old? It must spare heroku/.
		2. Build again: heroku nix:build --force
	EOT
}

# Usage: layer::fail_broken "${place}" "${how_much}"
function layer::fail_broken() {
	failures::fail download-broken <<- EOT
		The connection to the bucket broke off, ${LAYER_TRIES} times; nothing was kept.

		Found: ${2} of ${1}
		at ${NIX_S3_ENDPOINT}.

		What to check:
		1. Is the store up? Push again.
		2. Or release without a push: heroku nix:redeploy
	EOT
}
