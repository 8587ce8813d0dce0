# Makes a store path of one Debian package: /usr becomes the path itself, and programs find their loader, libraries
# and interpreters in the store. Lists that Nix passes are text with spaces: they are expanded unquoted on purpose.
# shellcheck shell=bash disable=SC2154,SC2310,SC2312 # attributes come as variables; what is asked in a condition may fail
set -euo pipefail
shopt -s nullglob dotglob
export PATH=/usr/bin:/bin LC_ALL=C
umask 022

tree="${NIX_BUILD_TOP}/tree"
dpkg-deb --extract "${deb}" "${tree}"
mkdir "${out}"
for source in "${tree}/usr" "${tree}"; do
	for entry in "${source}"/*; do
		[[ "${entry}" == "${tree}/usr" ]] || cp --recursive --no-dereference "${entry}" "${out}/"
	done
done
rm -rf "${out}"/share/{bug,doc,info,lintian,man}
mkdir -p "${out}/nix-support"
echo "${needs}" > "${out}/nix-support/needs"

find "${out}" -type l | while IFS= read -r link; do
	target="$(readlink "${link}")"
	case "${target}" in
	/usr/*) ln -sfn "${out}${target#/usr}" "${link}" ;;
	/*) ln -sfn "${out}${target}" "${link}" ;;
	*) # Leads to a file of another package, as python3 to python3.11 does.
		inside="$(realpath --canonicalize-missing --no-symlinks --relative-to="${out}" "${link%/*}/${target}")"
		for path in "${out}" ${searched}; do
			[[ -e "${path}/${inside}" ]] || continue
			[[ "${path}" == "${out}" ]] || ln -sfn "${path}/${inside}" "${link}"
			break
		done
		;;
	esac
done

search_path=
loader=
for path in "${out}" ${searched}; do
	for folder in "${path}"/lib/*-linux-gnu "${path}"/lib64; do
		search_path+="${search_path:+:}${folder}"
		for file in "${folder}"/ld-linux-*.so.*; do loader="${file}"; done
	done
done

libraries=
tools_loader=
for folder in "${patchelf}"/{,usr/}lib/*-linux-gnu; do
	libraries+="${libraries:+:}${folder}"
	for file in "${folder}"/ld-linux-*.so.*; do tools_loader="${file}"; done
done
patch_elf() {
	"${tools_loader}" --library-path "${libraries}" "${patchelf}/usr/bin/patchelf" "$@"
}

# Succeeds when the file starts with the given bytes. `read` and no program: there are thousands of files.
starts_with() {
	local start
	IFS= read -r -N "${#2}" start < "$1" 2> /dev/null || return 1
	[[ "${start}" == "$2" ]]
}

# The C library's own files find each other without a search path, and its loader must not be touched.
if [[ "${loader}" != "${out}"/* ]]; then
	while IFS= read -r file; do
		starts_with "${file}" $'\x7fELF' || continue
		chmod u+w "${file}"
		patch_elf --set-rpath "${search_path}" "${file}"
		# By itself, and last: where both are set at once, patchelf 0.18 lets two segments of a program overlap.
		if patch_elf --print-interpreter "${file}" > /dev/null 2>&1; then
			patch_elf --set-interpreter "${loader}" "${file}"
		fi
	done < <(find "${out}" -type f '(' -perm -u+x -o -name '*.so*' ')' | sort)
fi

for file in "${out}"/{bin,sbin}/*; do
	if [[ -L "${file}" ]] || ! starts_with "${file}" '#!'; then continue; fi
	read -r interpreter arguments < <(sed -n '1s/^#! *//p' "${file}")
	[[ "${interpreter}" == */env ]] && read -r interpreter arguments <<< "${arguments}"
	for path in "${out}" ${searched}; do
		[[ -e "${path}/bin/${interpreter##*/}" ]] || continue
		sed -i "1s|.*|#!${path}/bin/${interpreter##*/}${arguments:+ ${arguments}}|" "${file}"
		break
	done
done
