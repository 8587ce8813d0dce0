# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# Reads objects of the user's bucket with curl, which signs the requests. Keys consist of letters, digits and ./_- (who
# makes them checks that), so nothing needs to be percent-encoded, which curl's signing gets wrong for some characters.

# The first curl whose signatures are right with the header below: 7.81 (heroku-22) signs too few headers.
readonly S3_OLDEST_CURL=7.88
# Lets curl try again what may work a second later: a refused or broken connection, 5xx, 429.
readonly S3_RETRIES=(--retry 3 --retry-all-errors)

# Ends the build where this curl cannot sign.
function s3::check_curl() {
	local version
	local oldest

	version="$(curl --version)"
	version="${version#curl }"
	version="${version%% *}"
	oldest="$(printf '%s\n' "${S3_OLDEST_CURL}" "${version}" | sort --version-sort | sed --quiet 1p)"
	if [[ "${oldest}" != "${S3_OLDEST_CURL}" ]]; then
		failures::fail old-curl <<- EOT
			The curl of this stack cannot sign requests to the bucket.

			Found: curl ${version} on ${STACK:-an unknown stack}; at least ${S3_OLDEST_CURL} is needed.

			What to do:
			1. Release without a push, which works on this stack: heroku nix:redeploy
			2. Or move to a newer stack: heroku stack:set heroku-24, then heroku nix:build, and push again.
		EOT
	fi
}

# Fetches a small object, which need not exist. Prints "found" or "missing".
#
# Usage: s3::get "${key}" "${file}"
function s3::get() {
	local key="${1}"
	local file="${2}"
	local config
	local http_status
	local curl_status=0

	config="$(s3::config "${key}")"
	http_status="$(s3::curl "${S3_RETRIES[@]}" --max-filesize 67108864 --output "${file}" --write-out '%{http_code}' \
		<<< "${config}")" || curl_status="${?}"
	s3::outcome "${key}" "${curl_status}" "${http_status}" "${file}"
}

# Prints "found" or "missing" for an object, without fetching it.
#
# Usage: s3::look_for "${key}"
function s3::look_for() {
	local key="${1}"
	local config
	local http_status
	local curl_status=0

	config="$(s3::config "${key}")"
	http_status="$(s3::curl "${S3_RETRIES[@]}" --head --output /dev/null --write-out '%{http_code}' <<< "${config}")" ||
		curl_status="${?}"
	s3::outcome "${key}" "${curl_status}" "${http_status}" /dev/null
}

# Writes an object's bytes to standard output, and nothing where the bucket does not answer with it; to the given file
# "HTTP_STATUS BYTES". Does not try again: part of it has been read by then.
#
# Usage: s3::stream "${key}" "${facts_file}" | …
function s3::stream() {
	local key="${1}"
	local facts_file="${2}"
	local config

	config="$(s3::config "${key}")"
	s3::curl --fail --write-out '%{stderr}%{http_code} %{size_download}\n' <<< "${config}" 2> "${facts_file}"
}

# Runs curl as every request needs it; its configuration comes on standard input, for credentials must not be in argv.
function s3::curl() {
	curl --disable --globoff --silent --path-as-is --connect-timeout 10 --speed-limit 1 --speed-time 30 --config - "${@}"
}

# Prints curl's configuration for a request.
#
# Usage: s3::config "${key}"
function s3::config() {
	local key="${1}"
	local user="${NIX_S3_KEY}:${NIX_S3_SECRET}"

	# In a quoted value of curl's configuration, a backslash escapes.
	user="${user//\\/\\\\}"
	user="${user//\"/\\\"}"
	# curl 7.88 signs no payload hash of its own accord.
	printf '%s\n' \
		"url = \"${NIX_S3_ENDPOINT}/${NIX_S3_BUCKET}/${key}\"" \
		"user = \"${user}\"" \
		"aws-sigv4 = \"aws:amz:${NIX_S3_REGION}:s3\"" \
		'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"'
}

# Prints "found" or "missing" for an answer, and ends the build for any other.
#
# Usage: s3::outcome "${key}" "${curl_status}" "${http_status}" "${answer_file}"
function s3::outcome() {
	local key="${1}"
	local curl_status="${2}"
	local http_status="${3}"
	local answer_file="${4}"
	local code=""

	if ((curl_status != 0)); then
		s3::fail_unreachable "${key}" "${curl_status}"
	fi
	if ((http_status != 200)); then
		code="$(s3::error_code "${answer_file}")"
	fi
	case "${http_status} ${code}" in
	"200 ") echo found ;;
	"404 NoSuchBucket") s3::fail_no_bucket ;;
	404\ *) echo missing ;;
	*\ SignatureDoesNotMatch) s3::fail_credentials wrong-secret NIX_S3_SECRET "${code}" ;;
	*\ InvalidAccessKeyId) s3::fail_credentials wrong-key NIX_S3_KEY "${code}" ;;
	403\ *) s3::fail_denied "${key}" "${code}" ;;
	301\ * | 307\ * | *\ AuthorizationHeaderMalformed) s3::fail_region "${http_status} ${code}" ;;
	*) s3::fail_answer "${key}" "${http_status} ${code}" ;;
	esac
}

# Prints the code in an error document of S3, if any.
function s3::error_code() {
	local file="${1}"
	local text

	text="$(head --bytes=4096 "${file}" | tr --delete '\0')"
	if [[ "${text}" =~ \<Code\>([A-Za-z0-9]+)\</Code\> ]]; then
		echo "${BASH_REMATCH[1]}"
	fi
}

function s3::fail_unreachable() {
	failures::fail bucket-unreachable <<- EOT
		The bucket cannot be reached.

		Found: curl ended with status ${2} (man curl, EXIT CODES) for ${1}
		of bucket ${NIX_S3_BUCKET} at ${NIX_S3_ENDPOINT}.

		What to check:
		1. Is the store up, and NIX_S3_ENDPOINT right? heroku config:get NIX_S3_ENDPOINT
		2. Push again: what is released keeps running until then.
	EOT
}

function s3::fail_no_bucket() {
	failures::fail no-bucket <<- EOT
		There is no bucket ${NIX_S3_BUCKET}.

		Found: NoSuchBucket from ${NIX_S3_ENDPOINT}.

		What to check:
		1. Is the name right? heroku config:get NIX_S3_BUCKET
		2. Was it deleted, or never made? heroku nix:setup
	EOT
}

# Usage: s3::fail_credentials "${reason}" "${config_var}" "${code}"
function s3::fail_credentials() {
	failures::fail "${1}" <<- EOT
		The bucket does not accept ${2}.

		Found: ${3} from ${NIX_S3_ENDPOINT} for bucket ${NIX_S3_BUCKET}.

		What to check:
		1. Was the key replaced or deleted at the store? Then set the new one: heroku nix:setup
		2. Do NIX_S3_KEY and NIX_S3_SECRET belong together? heroku config
	EOT
}

function s3::fail_denied() {
	failures::fail access-denied <<- EOT
		The bucket refuses to be read.

		Found: ${2:-403} from ${NIX_S3_ENDPOINT} for ${1}
		of bucket ${NIX_S3_BUCKET}.

		What to check:
		1. May NIX_S3_KEY do s3:GetObject and s3:ListBucket there? heroku nix:setup tries it out.
		2. Does the bucket have a policy that names other addresses or users?
	EOT
}

function s3::fail_region() {
	failures::fail wrong-region <<- EOT
		Bucket ${NIX_S3_BUCKET} is in another region.

		Found: ${1} from ${NIX_S3_ENDPOINT}, with NIX_S3_REGION ${NIX_S3_REGION}.

		What to check:
		1. Which region does the store show for the bucket? heroku config:set NIX_S3_REGION=REGION
		2. Or let it be found: heroku nix:setup
	EOT
}

function s3::fail_answer() {
	failures::fail bucket-failed <<- EOT
		The bucket gave no usable answer.

		Found: ${2} from ${NIX_S3_ENDPOINT} for ${1}
		of bucket ${NIX_S3_BUCKET}.

		What to check:
		1. Push again: what is released keeps running until then.
		2. Does the store report an outage?
	EOT
}
