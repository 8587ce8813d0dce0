# shellcheck shell=bash disable=SC2154,SC2310,SC2312 # bin/setup sets ROOT, and pipefail; each step checks its own result
# What a dyno fetches before it can build, Node and Nix, brought into .cache/tools with a lock file of their own:
# a mirror, to which HEROKU_NIX_TOOLS points, so that the stand-in's dynos need no internet.

readonly TOOLS="${ROOT}/.cache/tools"
readonly TOOLS_LOCK="${ROOT}/tools.lock.json"
# An archive that scripts/nix-from-debian made before, beside the checkout.
readonly NIX_CACHE="${HEROKU_NIX_TOOLCHAIN:-${ROOT}/../shared/toolchain/nix-2.34.8-x86_64-linux.tar.xz}"
readonly NIX_CACHE_SHA256=485bb3c4f5061c38e35cbb0eaaa973825d0624f48a55d5f97afb2e3873326911

# Prints a field of a tool in tools.lock.json. Usage: tools::locked nix url
function tools::locked() {
	jq --exit-status --raw-output --arg name "$1" --arg field "$2" \
		'.tools[] | select(.name == $name)[$field]' "${TOOLS_LOCK}"
}

# Usage: tools::has_digest FILE SHA256
function tools::has_digest() {
	[[ -e "$1" ]] && sha256sum --check --status <<< "$2  $1"
}

# Downloads npm's package of Node into a folder and prints the file's name.
function tools::fetch_node() {
	local folder="$1" spec file
	spec="$(tools::locked node npm)" || return 1
	file="$(npm pack "${spec}" --pack-destination "${folder}" --loglevel=error)" || return 1
	if ! tools::has_digest "${folder}/${file}" "$(tools::locked node sha256)"; then
		output::error "npm's ${spec} does not have the digest that tools.lock.json names."
		return 1
	fi
	echo "${file}"
}

# Brings an archive of Nix into a folder and prints its name: the official one where it can be reached, else one made
# before, else one made now.
function tools::fetch_nix() {
	local folder="$1" url file
	url="$(tools::locked nix url)" || return 1
	file="${url##*/}"
	if curl --silent --fail --location --connect-timeout 5 --speed-limit 1000 --speed-time 10 --output "${folder}/${file}" "${url}"; then
		if ! tools::has_digest "${folder}/${file}" "$(tools::locked nix sha256)"; then
			output::error "${url} does not have the digest that tools.lock.json names."
			return 1
		fi
		echo "${file}"
		return
	fi
	if tools::has_digest "${NIX_CACHE}" "${NIX_CACHE_SHA256}"; then
		output::indent "Nix's own archive cannot be reached; taking ${NIX_CACHE}"
		cp "${NIX_CACHE}" "${folder}/"
		echo "${NIX_CACHE##*/}"
		return
	fi
	output::indent "Nix's own archive cannot be reached; making one of Debian's packages"
	packages::install "patchelf: fits Debian's Nix into a store" || return 1
	if ! file="$("${ROOT}/scripts/nix-from-debian" "${folder}")"; then
		output::error "There is no way to Nix from here. Any one of these is enough:" \
			"  a connection to ${url}" \
			"  HEROKU_NIX_DEBIAN_MIRROR, the URI of a Debian mirror with sid (and the package debian-archive-keyring)" \
			"  HEROKU_NIX_TOOLS, the path of another lock file (docs/config-vars.md)"
		return 1
	fi
	echo "${file##*/}"
}

# Prints one entry of a lock file. Usage: tools::entry NAME VERSION FILE
function tools::entry() {
	local sha256 size
	sha256="$(sha256sum < "$3" | cut --delimiter=' ' --fields=1)"
	size="$(stat --format=%s "$3")"
	local format=tar.xz
	[[ "$3" == *.xz ]] || format=tar.gz
	jq --null-input --arg name "$1" --arg version "$2" --arg url "./${3##*/}" --arg sha256 "${sha256}" \
		--argjson size "${size}" --arg format "${format}" '$ARGS.named'
}

# Makes the mirror, unless there is one of what tools.lock.json names now.
function tools::prepare() {
	local machine
	machine="$(uname -m)"
	if [[ "${machine}" != x86_64 ]]; then
		output::error "Dynos of the stand-in run on x86_64; this machine is ${machine}. The plugin itself works here."
		return 0
	fi
	local stamp="${TOOLS}/made-for"
	[[ "$(cat "${stamp}" 2> /dev/null || true)" != "$(sha256sum < "${TOOLS_LOCK}")" ]] || return 0

	output::step "Fetching Node and Nix for dynos into .cache/tools"
	local new="${TOOLS}.new" node nix version
	rm -rf "${new}"
	mkdir -p "${new}"
	node="$(tools::fetch_node "${new}")" || return 1
	nix="$(tools::fetch_nix "${new}")" || return 1
	version="${nix#nix-}"
	version="${version%%-*}"
	{
		tools::entry node "$(tools::locked node version)" "${new}/${node}"
		tools::entry nix "${version}" "${new}/${nix}"
	} | jq --slurp '{version: 1, tools: .}' > "${new}/tools.lock.json"
	sha256sum < "${TOOLS_LOCK}" > "${new}/made-for"
	rm -rf "${TOOLS}"
	mv "${new}" "${TOOLS}"
	output::indent "Nix ${version}: ${nix}"
}
