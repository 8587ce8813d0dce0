#!/usr/bin/env bash
# Runs a program where it was called, without the secrets that only builds need. (The older buildpack put PRoot
# around it, hence the name.)
#
# Usage: run_proot.sh COMMAND [ARGUMENT...]
set -euo pipefail

if (($# == 0)); then
	echo "Usage: run_proot.sh COMMAND [ARGUMENT...]" >&2
	exit 2
fi

# A program that the world can reach must not be able to write to the bucket, or to sign builds.
unset NIX_S3_KEY NIX_S3_SECRET NIX_SIGNING_KEY
exec "$@"
