#!/usr/bin/env bash
# Runs a program inside the build's result, without the secrets that only builds need.
#
# Usage: run_result.sh COMMAND [ARGUMENT...]        (Procfile: `web: run_result.sh bin/webserver`)
set -euo pipefail

if (($# == 0)); then
	echo "Usage: run_result.sh COMMAND [ARGUMENT...]" >&2
	exit 2
fi

if ! cd "${HOME}/result"; then
	echo "run_result.sh: this slug has no result to enter. Was it made by: heroku nix:redeploy ?" >&2
	exit 1
fi

exec "${BASH_SOURCE[0]%/*}/run_proot.sh" "$@"
