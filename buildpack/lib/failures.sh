# shellcheck shell=bash disable=SC2312 # whoever sources this sets pipefail
# How a build fails: with a reason for bin/report and a message for people, once.

# Ends the build. Standard input is the message: a summary, what was found, numbered things to check.
#
# Usage: failures::fail wrong-secret <<-EOT
function failures::fail() {
	local reason="${1}"

	report::word failure_reason "${reason}"
	output::error
	exit 1
}

# For what nobody foresaw; the ERR trap of bin/compile, which runs in each shell on the way out.
#
# Usage: failures::unforeseen "${command}" "${line}" "${status}"
function failures::unforeseen() {
	local command="${1%%$'\n'*}"
	local line="${2}"
	local status="${3}"
	local told=0

	report::has_failure || told="${?}"
	if ((told == 0)); then
		exit 1
	fi
	# Only the command's first word is shown: it could have been given anything.
	failures::fail internal-error <<- EOT
		The buildpack of heroku-nix failed in a way it does not know.

		Found: "${command%% *}" on line ${line} ended with status ${status}.

		What to check:
		1. Does it happen again? Run: git push again
		2. Does "heroku nix:redeploy" work, which needs no push?
		3. Please report it, with the log above: https://github.com/heroku-nix/heroku-nix/issues
	EOT
}
