# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# shellcheck disable=SC2154 # LIB_DIR is bin/compile's, NIX_* are config.sh's
# What the pushed source has to offer.

# Prints the Nix files at the root of a folder, one a line, those first that one would expect.
#
# Usage: project::nix_files "${build_dir}"
function project::nix_files() {
	local build_dir="${1}"
	local file

	for file in "${build_dir}"/{default,flake,shell}.nix "${build_dir}"/*.nix; do
		[[ -f "${file}" ]] || continue
		printf '%s\n' "${file##*/}"
	done | awk '!seen[$0]++'
}

# Ends the build where nix-build would find nothing to build. NIX_BUILD_FLAGS can name something else than default.nix
# and flake.nix; what they say is judged by heroku nix:build.
#
# Usage: project::check "${build_dir}"
function project::check() {
	local build_dir="${1}"
	local files

	if [[ -f "${build_dir}/default.nix" || -f "${build_dir}/flake.nix" || -n "${NIX_BUILD_FLAGS}" ]]; then
		return 0
	fi
	files="$(project::nix_files "${build_dir}" | tr '\n' ' ')"
	failures::fail no-default-nix <<- EOT
		There is neither default.nix nor flake.nix at the root of what was pushed.

		Found: ${files:-no Nix files}

		What to check:
		1. Is it in the commit? git add default.nix && git commit
		2. Does .slugignore take it away?
		3. With another file: heroku config:set NIX_BUILD_FLAGS=FILE.nix
	EOT
}
