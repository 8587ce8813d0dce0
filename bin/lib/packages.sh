# shellcheck shell=bash
# Debian's and Ubuntu's packages.

# Prints those of the given packages that are not installed, one a line.
function packages::missing() {
	local states
	# dpkg-query fails when it does not know one of them, and prints the others.
	states="$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "$@" 2> /dev/null || true)"
	local name
	for name in "$@"; do
		grep --quiet --line-regexp --fixed-strings "${name} installed" <<< "${states}" || echo "${name}"
	done
}

# Runs a command as root: as it is for root, by sudo for others.
function packages::as_root() {
	local -a sudo=()
	if ((EUID != 0)); then
		if ! command -v sudo > /dev/null; then
			output::error "This needs root and there is no sudo here. As root, run:" "  $*"
			return 1
		fi
		sudo=(sudo)
	fi
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@"
}

# Installs what is missing of a list, after saying what and why.
# Usage: packages::install "bubblewrap: the jail that dynos run in" "git: …"
function packages::install() {
	local -a names=() missing=()
	local entry
	for entry in "$@"; do names+=("${entry%%:*}"); done
	local lines
	lines="$(packages::missing "${names[@]}")"
	[[ -n "${lines}" ]] || return 0
	mapfile -t missing <<< "${lines}"

	if ! command -v apt-get > /dev/null; then
		output::error "Missing: ${missing[*]}. Only Debian and Ubuntu are known here: install them, then run bin/setup again."
		return 1
	fi
	local how="as root"
	((EUID == 0)) || how="by sudo"
	output::step "Installing with apt-get, ${how}:"
	for entry in "$@"; do
		[[ " ${missing[*]} " != *" ${entry%%:*} "* ]] || output::indent "${entry}"
	done
	local -a install=(apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}")
	# Lists that are absent or out of date name packages that the mirror no longer has.
	packages::as_root "${install[@]}" > /dev/null 2>&1 && return 0
	packages::as_root apt-get update --quiet --quiet > /dev/null
	packages::as_root "${install[@]}" > /dev/null
}
