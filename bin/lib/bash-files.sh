# shellcheck shell=bash
# Prints the project's bash scripts, one a line: by their name's end or their first line.
function bash_files() {
	local file first list
	list="$(git ls-files --cached --others --exclude-standard)"
	while IFS= read -r file; do
		[[ -f "${file}" ]] || continue
		case "${file##*/}" in
		*.sh | *.bash) echo "${file}" ;;
		*.*) ;;
		*)
			first=
			IFS= read -r first < "${file}" || true
			[[ "${first}" != '#!'*[/\ ]bash ]] || echo "${file}"
			;;
		esac
	done <<< "${list}"
}
