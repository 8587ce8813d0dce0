# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# What every slug of ours holds besides the project and the closure: as heroku nix:redeploy makes it
# (src/lib/slug/source-part.ts).

# Ours in every slug. What a project has there would be mixed with it.
readonly SLUG_RESERVED=(.nixs result .heroku/nix .profile.d/nix.sh)
# Folders that the project may have, too.
readonly SLUG_SHARED=(.heroku .profile.d)

# Takes away what the project has in our places, and says so.
#
# Usage: slug::drop_reserved "${build_dir}"
function slug::drop_reserved() {
	local build_dir="${1}"
	local name

	for name in "${SLUG_SHARED[@]}"; do
		if [[ -L "${build_dir}/${name}" || (-e "${build_dir}/${name}" && ! -d "${build_dir}/${name}") ]]; then
			slug::fail_no_folder "${name}"
		fi
	done
	for name in "${SLUG_RESERVED[@]}"; do
		if [[ -e "${build_dir}/${name}" || -L "${build_dir}/${name}" ]]; then
			rm --recursive --force -- "${build_dir:?}/${name}"
			output::warning <<- EOT
				The project's own ${name} is left out of the slug: heroku-nix keeps its own things there.
			EOT
		fi
	done
}

# Usage: slug::add_scripts "${build_dir}" "${share_dir}"
function slug::add_scripts() {
	local build_dir="${1}"
	local share_dir="${2}"

	install --directory --mode=0755 "${build_dir}/.heroku/nix/bin" "${build_dir}/.profile.d"
	install --mode=0755 "${share_dir}/build" "${share_dir}/run_proot.sh" "${share_dir}/run_result.sh" "${build_dir}/.heroku/nix/bin/"
	install --mode=0644 "${share_dir}/nix.sh" "${build_dir}/.profile.d/nix.sh"
}

# Writes what the slug says about itself. `tree` and `source` are null where the source is not the one that was built.
#
# Usage: slug::add_facts "${build_dir}" "${record_file}" "${is_exact}"
function slug::add_facts() {
	local build_dir="${1}"
	local record_file="${2}"
	local is_exact="${3}"

	jq --indent 2 --argjson exact "${is_exact}" '{
		format: 1,
		tree: (if $exact then .source.tree else null end),
		source: (if $exact then .source.sha256 else null end),
		engine: .outcome.engine, result: .outcome.result, layer: .outcome.layer.digest
	}' "${record_file}" > "${build_dir}/.heroku/nix/source.json"
}

# Writes what was pushed, where that is not what was built: "heroku run build" builds it, out of the slug's files.
#
# Usage: slug::add_pushed "${build_dir}" "${work_dir}" "${commit}"
function slug::add_pushed() {
	local build_dir="${1}"
	local work_dir="${2}"
	local commit="${3}"
	local facts="${build_dir}/.heroku/nix/source.json"
	local tree

	tree="$(< "${work_dir}/tree")"
	[[ -n "${tree}" ]] || return 0
	if [[ ! -f "${facts}" ]]; then
		echo '{"format": 1, "tree": null, "source": null}' > "${facts}"
	fi
	jq --indent 2 --arg tree "${tree}" --arg commit "${commit}" \
		'. + {pushed: {tree: $tree, commit: (if $commit == "" then null else $commit end)}}' "${facts}" > "${work_dir}/facts"
	install --mode=0644 "${work_dir}/facts" "${facts}"
	install --mode=0644 "${work_dir}/files" "${build_dir}/.heroku/nix/source.files"
}

# Prints the command of `web` where there is no Procfile and the result has exactly one program.
#
# Usage: slug::default_web "${build_dir}"
function slug::default_web() {
	local build_dir="${1}"
	local -a programs=()
	local file

	[[ ! -e "${build_dir}/Procfile" ]] || return 0
	for file in "${build_dir}"/result/bin/*; do
		# A name that a shell would have to quote cannot become a process type.
		[[ "${file##*/}" =~ ^[A-Za-z0-9_@+.:,=-]+$ ]] || continue
		slug::is_program "${build_dir}" "${file}" || continue
		programs+=("${file##*/}")
	done
	if ((${#programs[@]} == 1)); then
		printf 'run_result.sh bin/%s\n' "${programs[0]}"
	fi
}

# Whether something can be run once the slug lies in /app, where links of the closure point.
#
# Usage: slug::is_program "${build_dir}" "${file}"
function slug::is_program() {
	local build_dir="${1}"
	local file="${2}"
	local hops=0
	local target

	while [[ -L "${file}" ]] && ((hops++ < 40)); do
		target="$(readlink -- "${file}")" || return 1
		case "${target}" in
		/app/*) file="${build_dir}/${target#/app/}" ;;
		/*) return 1 ;;
		*) file="${file%/*}/${target}" ;;
		esac
	done
	[[ -f "${file}" && -x "${file}" ]]
}

function slug::fail_no_folder() {
	failures::fail bad-source <<- EOT
		The project's ${1} is no folder, and in a slug it must be one.

		What to do:
		1. git mv ${1} ANOTHER-NAME && git commit
	EOT
}
