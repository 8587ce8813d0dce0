# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# What a push shows, in the shape that Heroku's own buildpacks have.

# Usage: output::step "Restoring build 20261123-093000-ab12"
function output::step() {
	printf -- '-----> %s\n' "${*}"
}

# Usage: output::indent "a line" "another"
function output::indent() {
	printf '       %s\n' "${@}"
}

# Prints standard input as a warning.
#
# Usage: output::warning <<-EOT
function output::warning() {
	output::mark "Warning: " >&2
}

# Prints standard input as an error.
function output::error() {
	output::mark "Error: " >&2
}

# Usage: output::mark "${words_before_the_first_line}"
function output::mark() {
	local before="${1}"
	local line

	echo
	while IFS= read -r line; do
		line="${before}${line}"
		printf ' !%s\n' "${line:+     ${line}}"
		before=""
	done
	echo
}
