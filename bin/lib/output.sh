# shellcheck shell=bash
# What the scripts in bin/ say, in the shape that Heroku's own tools have.

# Usage: output::step "Installing npm packages"
function output::step() {
	printf -- '-----> %s\n' "$*" >&2
}

function output::indent() {
	printf '       %s\n' "$@" >&2
}

# Usage: output::error "what happened" "what to do next"…
function output::error() {
	printf ' !     %s\n' "$@" >&2
}
