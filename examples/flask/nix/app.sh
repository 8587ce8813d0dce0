# Puts the Python packages together as one tree of symlinks and writes the program that serves app.py.
# The list that Nix passes is text with spaces: it is expanded unquoted on purpose.
# shellcheck shell=bash disable=SC2154,SC2310,SC2312 # attributes come as variables; what is asked in a condition may fail
set -euo pipefail
shopt -s nullglob
export PATH=/usr/bin:/bin LC_ALL=C
umask 022

mkdir -p "${out}/bin" "${out}/env/lib"
for path in ${packages}; do
	for folder in "${path}"/lib/python3*; do
		# Folders in a store are read-only; those copied here are yet to be filled by other packages.
		cp --recursive --symbolic-link --no-clobber --no-preserve=mode "${folder}" "${out}/env/lib/"
	done
	for program in "${path}"/bin/python3.*; do
		[[ -L "${program}" ]] || python="${program}"
	done
done
cp "${src}" "${out}/app.py"

cat > "${out}/bin/webserver" << END
#!/bin/sh
export PYTHONHOME=${out}/env PYTHONPATH=${out}/env/lib/python3/dist-packages:${out} PYTHONDONTWRITEBYTECODE=1
exec ${python} -m gunicorn --bind "0.0.0.0:\${PORT:-8000}" "\$@" app:app
END
chmod +x "${out}/bin/webserver"
