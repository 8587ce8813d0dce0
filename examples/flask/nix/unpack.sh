# Unpacks some packages into one tree, as they are.
# shellcheck shell=bash disable=SC2154,SC2310,SC2312 # attributes come as variables; what is asked in a condition may fail
set -euo pipefail
export PATH=/usr/bin:/bin LC_ALL=C
umask 022

# Words on purpose: Nix passes a list as text with spaces.
for deb in ${debs}; do dpkg-deb --extract "${deb}" "${out}"; done
