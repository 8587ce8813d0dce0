# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# Facts about a build that bin/report hands to Heroku: one a line in a file of CACHE_DIR, `KEY JSON`. A line is appended
# in one go, so a subshell can add one, too, and what a failed build knew is there.

# Begins the report of a new build.
#
# Usage: report::start "${cache_dir}"
function report::start() {
	local cache_dir="${1}"

	declare -gr REPORT_FILE="${cache_dir}/heroku-nix/report"
	mkdir --parents "${REPORT_FILE%/*}"
	: > "${REPORT_FILE}"
}

# Adds a word of letters, digits and -._ (an id, a hash, a reason).
#
# Usage: report::word restored commit
function report::word() {
	printf '%s "%s"\n' "${1}" "${2}" >> "${REPORT_FILE}"
}

# Usage: report::number layer_bytes 1000
function report::number() {
	printf '%s %s\n' "${1}" "${2}" >> "${REPORT_FILE}"
}

# Adds the seconds since a time that EPOCHREALTIME gave.
#
# Usage: report::duration restore_duration "${start}"
function report::duration() {
	local seconds

	seconds="$(report::seconds_since "${2}")"
	report::number "${1}" "${seconds}"
}

# Prints the seconds since a time that EPOCHREALTIME gave, as `1.234`.
function report::seconds_since() {
	local now="${EPOCHREALTIME}"
	local start="${1}"
	local milliseconds

	# Some locales have a comma there.
	milliseconds="$(((10#${now/[.,]/} - 10#${start/[.,]/}) / 1000))"
	printf '%d.%03d\n' "$((milliseconds / 1000))" "$((milliseconds % 1000))"
}

# Whether the reason of a failure was recorded, and so told.
function report::has_failure() {
	grep --quiet '^failure_reason ' "${REPORT_FILE}"
}

# Prints a report as YAML key-value pairs. https://github.com/heroku/heroku-buildpack-python/blob/main/bin/report
#
# Usage: report::print "${cache_dir}"
function report::print() {
	local file="${1}/heroku-nix/report"

	[[ ! -f "${file}" ]] || sed 's/ /: /' "${file}"
}
