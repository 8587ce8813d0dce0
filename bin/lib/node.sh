# shellcheck shell=bash disable=SC2154,SC2312 # bin/setup sets ROOT and STAMPS, and pipefail
# Node and the npm packages.

# The oldest Node that runs TypeScript without a flag.
readonly NODE_MINIMUM=22.18.0
# What npm installs under .tools where the machine has none, or an older one.
readonly NODE_PACKAGE_VERSION=24.21.0
readonly NPM_PACKAGE_VERSION=11

# Puts the project's Node first, where it has one of its own.
function node::use() {
	export PATH="${ROOT}/.tools/node_modules/.bin:${PATH}"
}

# Succeeds when `node` is new enough.
function node::is_new_enough() {
	local version
	version="$(node --version 2> /dev/null)" || return 1
	[[ "$(printf '%s\n' "${NODE_MINIMUM}" "${version#v}" | sort --version-sort | head -n1)" == "${NODE_MINIMUM}" ]]
}

function node::install() {
	node::use
	! node::is_new_enough || return 0
	if ! command -v npm > /dev/null; then
		packages::install "nodejs: runs npm, which brings a newer Node" "npm: brings Node ${NODE_PACKAGE_VERSION}, into .tools"
	fi
	local architecture
	architecture="$(uname -m)"
	case "${architecture}" in
	x86_64) architecture=x64 ;;
	aarch64) architecture=arm64 ;;
	*)
		output::error "There is no Node for ${architecture} among npm's packages. Install Node ${NODE_MINIMUM} or newer."
		return 1
		;;
	esac
	output::step "Installing Node ${NODE_PACKAGE_VERSION} into .tools (needed: ${NODE_MINIMUM} or newer)"
	npm install --prefix "${ROOT}/.tools" --no-save --no-audit --no-fund --loglevel=error \
		"node-linux-${architecture}@${NODE_PACKAGE_VERSION}" "npm@${NPM_PACKAGE_VERSION}" > /dev/null
	hash -r
	node::is_new_enough
}

# Installs what package-lock.json names, when it changed since the last time.
function node::install_packages() {
	local stamp="${STAMPS}/npm" wanted
	wanted="$(sha256sum < "${ROOT}/package-lock.json")"
	[[ ! -d "${ROOT}/node_modules" || "$(cat "${stamp}" 2> /dev/null || true)" != "${wanted}" ]] || return 0
	output::step "Installing npm packages"
	# `npm ci` empties node_modules first: right where there is none, wrong under somebody who is using it.
	local action=install
	[[ -d "${ROOT}/node_modules" ]] || action=ci
	(cd "${ROOT}" && npm "${action}" --no-audit --no-fund --loglevel=error > /dev/null)
	sha256sum < "${ROOT}/package-lock.json" > "${stamp}"
}

# Builds the plugin and the dyno program, when a file that they are made of changed since the last time.
function node::build() {
	local stamp="${STAMPS}/build" state
	state="$(cd "${ROOT}" && find src buildpack scripts package.json package-lock.json tools.lock.json tsconfig.json tsconfig.build.json \
		-printf '%p %s %T@\n' | sort | sha256sum)"
	[[ ! -d "${ROOT}/dist" || "$(cat "${stamp}" 2> /dev/null || true)" != "${state}" ]] || return 0
	output::step "Building the plugin and the dyno program"
	(cd "${ROOT}" && node scripts/build.ts >&2)
	echo "${state}" > "${stamp}"
}
