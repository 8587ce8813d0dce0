# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# The app's config vars, from ENV_DIR: https://devcenter.heroku.com/articles/buildpack-api. They become shell variables
# that no child's environment holds. All other modules may read them; nothing else is read of ENV_DIR.

readonly CONFIG_NAMES=(
	NIX_S3_KEY NIX_S3_SECRET NIX_S3_BUCKET NIX_S3_REGION NIX_S3_ENDPOINT NIX_APP_NAME NIX_SIGNING_KEY
	NIX_BUILD_FLAGS NIX_BUILD_ON_PUSH NIX_REQUIRE_COMMIT
	NIX_TOOLBOX NIX_VERSION NIX_ENGINE NIX_PATH NIX_CACHE_UPSTREAM NIX_CACHE_TAINTED
)
readonly CONFIG_REQUIRED=(NIX_S3_KEY NIX_S3_SECRET NIX_S3_BUCKET NIX_APP_NAME NIX_SIGNING_KEY)

# Usage: config::load "${env_dir}"
function config::load() {
	local env_dir="${1}"
	local name
	local value

	for name in "${CONFIG_NAMES[@]}"; do
		# What the build itself has in its environment is not the app's, and would go on to every child.
		unset "${name}"
		value=""
		if [[ -f "${env_dir}/${name}" ]]; then
			value="$(< "${env_dir}/${name}")"
		fi
		declare -g "${name}=${value}"
	done
	NIX_S3_REGION="${NIX_S3_REGION:-us-east-1}"
	NIX_S3_ENDPOINT="${NIX_S3_ENDPOINT:-https://s3.${NIX_S3_REGION}.amazonaws.com}"
	NIX_S3_ENDPOINT="${NIX_S3_ENDPOINT%/}"
}

# Ends the build where a config var is missing or cannot be right. What is checked here is safe in a URL and a message.
function config::check() {
	local -a missing=()
	local name

	for name in "${CONFIG_REQUIRED[@]}"; do
		[[ -n "${!name}" ]] || missing+=("${name}")
	done
	if ((${#missing[@]} > 0)); then
		config::fail_missing "${missing[*]}"
	fi
	config::match NIX_APP_NAME '^[A-Za-z0-9_.-]+$' 'letters, digits, ".", "_" and "-"'
	config::match NIX_S3_BUCKET '^[A-Za-z0-9][A-Za-z0-9._-]+$' 'the name of a bucket'
	config::match NIX_S3_REGION '^[A-Za-z0-9_-]+$' 'a region such as us-east-1'
	config::match NIX_S3_ENDPOINT '^https?://[][A-Za-z0-9.:_-]+(/[A-Za-z0-9._~/-]*)?$' 'a URL without user, query and fragment'
	config::match NIX_S3_KEY '^[!-9;-~]+$' 'an access key' secret
	config::match NIX_S3_SECRET '^[!-~]+$' 'a secret access key' secret
	config::match NIX_SIGNING_KEY '^[A-Za-z0-9_.-]+:[A-Za-z0-9+/]{86}==$' 'a Nix secret key, NAME:BASE64' secret
}

# Whether a config var is on: empty, 0, false and no mean off.
#
# Usage: config::is_on "${NIX_REQUIRE_COMMIT}"
function config::is_on() {
	local value="${1//[[:space:]]/}"

	case "${value,,}" in
	"" | 0 | false | no) return 1 ;;
	*) return 0 ;;
	esac
}

# Usage: config::match NAME "${pattern}" "${what_it_must_be}" [secret]
function config::match() {
	local name="${1}"
	local pattern="${2}"
	local what="${3}"
	local secret="${4:-}"
	local shown="a value that is not shown here, as it is a secret"
	# Ranges such as A-Z must not depend on a language's order.
	local LC_ALL=C

	if [[ "${!name}" =~ ${pattern} ]]; then
		return 0
	fi
	# A value that was pasted twice, or with a line break, would spoil the log.
	[[ -n "${secret}" ]] || printf -v shown '%.100q' "${!name}"
	failures::fail bad-config-var <<- EOT
		${name} cannot be right.

		Found: ${shown}
		It must be ${what}.

		What to check:
		1. What does "heroku config:get ${name}" print?
		2. Set all of them anew: heroku nix:setup
	EOT
}

# Usage: config::fail_missing "NIX_S3_KEY NIX_S3_SECRET"
function config::fail_missing() {
	local names="${1}"

	failures::fail not-set-up <<- EOT
		This app is not set up for Nix builds.

		Found: no config var ${names// /, }.

		What to do:
		1. Install the plugin, once: heroku plugins:install heroku-nix
		2. Set the app up: heroku nix:setup
		3. Push again.
	EOT
}
