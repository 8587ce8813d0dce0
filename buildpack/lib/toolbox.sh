# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # NIX_* are config.sh's
# The program that dynos run, run here: the loader that NIX_TOOLBOX names fetches it and Node. All of it is kept in
# CACHE_DIR by digest, and checked each time.

# Reads the variables, as assignments, from standard input, and becomes the loader: src/dyno/loader.sh, whose path is $0.
# shellcheck disable=SC2016 # The inner shell expands that.
readonly TOOLBOX_SHELL='umask 22; cd /app; IFS= read -r -d "" variables || true; eval "${variables}"; exec < /dev/null; eval "$(< "${0}")"'

# Makes sure that the program can be run, and prints its loader's path.
#
# Usage: loader="$(toolbox::prepare "${cache_dir}")"
function toolbox::prepare() {
	local tools="${1}/heroku-nix/tools"

	[[ -n "${NIX_TOOLBOX}" ]] || config::fail_missing NIX_TOOLBOX
	config::match NIX_TOOLBOX '^[0-9a-f]{64}$' 'a sha256'
	toolbox::check_app
	mkdir --parents "${tools}"
	touch "${tools}/.started"
	toolbox::fetch_loader "${tools}"
}

# Runs the program in a shell that has no environment. Its exit status is the program's; 70 where it was not whole.
#
# Usage: toolbox::run "${loader}" SUBCOMMAND ARGUMENT… || status="${?}"
function toolbox::run() {
	local loader="${1}"

	shift
	env --ignore-environment /bin/bash -c "${TOOLBOX_SHELL}" "${loader}" "${@}" < <(toolbox::variables "${loader%/*}")
}

# Drops what was not used since toolbox::prepare: it belongs to an older toolbox. For runs that use all that there is.
#
# Usage: toolbox::drop_old "${cache_dir}"
function toolbox::drop_old() {
	local tools="${1}/heroku-nix/tools"

	find "${tools}" -type f ! -newer "${tools}/.started" -delete
}

# Makes sure that the loader is in the folder, and prints its path.
#
# Usage: toolbox::fetch_loader "${tools}"
function toolbox::fetch_loader() {
	local loader="${1}/${NIX_TOOLBOX}"
	local key="heroku/toolbox/${NIX_TOOLBOX}/loader.sh"
	local found=found
	local digest

	digest="$(toolbox::digest_of "${loader}")"
	if [[ "${digest}" != "${NIX_TOOLBOX}" ]]; then
		found="$(s3::get "${key}" "${loader}")"
		digest="$(toolbox::digest_of "${loader}")"
	fi
	if [[ "${found}" == missing || "${digest}" != "${NIX_TOOLBOX}" ]]; then
		rm --force -- "${loader}"
		toolbox::fail_loader "${key}" "${found}"
	fi
	touch "${loader}"
	printf '%s\n' "${loader}"
}

# Prints a file's sha256; nothing where there is no file.
function toolbox::digest_of() {
	local digest

	[[ -f "${1}" ]] || return 0
	digest="$(sha256sum < "${1}")"
	printf '%s\n' "${digest%% *}"
}

# Prints the config vars and where the tools are kept, as assignments.
#
# Usage: toolbox::variables "${tools}"
function toolbox::variables() {
	local tools="${1}"
	local name

	for name in "${CONFIG_NAMES[@]}"; do
		printf '%s=%s\n' "${name}" "${!name@Q}"
	done
	printf 'NIX_TOOLS_DIR=%s\n' "${tools@Q}"
}

# Nix builds where it does on dynos: the path is in the bytes of every program.
function toolbox::check_app() {
	local found

	[[ ! -d /app || ! -w /app ]] || return 0
	found="$(stat --format='%A %U:%G %n' /app 2>&1)" || true
	failures::fail no-app-folder <<- EOT
		Nothing can be built here: there is no folder /app to write to.

		Found: ${found}

		What to do:
		1. Build on a one-off dyno, then push again: heroku nix:build
		2. heroku config:unset NIX_BUILD_ON_PUSH
	EOT
}

# Usage: toolbox::fail_loader "${key}" "${found}"
function toolbox::fail_loader() {
	local what="has another sha256 than its name says"

	[[ "${2}" != missing ]] || what="is not there"
	failures::fail no-toolbox <<- EOT
		What builds start from is not in the bucket.

		Found: ${1}
		of bucket ${NIX_S3_BUCKET} ${what}.

		What to do:
		1. Upload it again: heroku nix:setup
		2. Or build on a one-off dyno, which brings its own, then push again: heroku nix:build
	EOT
}
