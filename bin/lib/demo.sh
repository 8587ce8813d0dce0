# shellcheck shell=bash disable=SC2154 # bin/demo sets ROOT, KEPT, APP, folder and keep
# The parts of bin/demo.

# Starts the stand-in and reads the line that says where everything is. Sets standin_pid and standin, that line.
function demo::start_standin() {
	mkfifo "${folder}/ready"
	# A session of its own: Ctrl-C is for bin/demo, which then ends the stand-in in order.
	setsid "${ROOT}/bin/standin" --state "${folder}/state" > "${folder}/ready" 2> "${folder}/standin.log" < /dev/null &
	standin_pid=$!
	echo "${standin_pid}" > "${folder}/pid"
	standin=
	IFS= read -r standin < "${folder}/ready" || true
	if [[ "${standin}" != '{'* ]]; then
		output::error "The stand-in did not start:"
		cat "${folder}/standin.log" >&2
		return 1
	fi
}

# Prints a field of the stand-in's line. Usage: demo::field .s3.bucket
function demo::field() {
	jq --exit-status --raw-output "$1" <<< "${standin}"
}

# Writes the environment in which the real CLI talks to the stand-in alone, as a file for `source`.
function demo::write_environment() {
	{
		echo "# The real heroku CLI, against the stand-in that bin/demo --keep left running."
		jq --raw-output '.env | to_entries[] | "export \(.key)=\(.value | @sh)"' <<< "${standin}"
		printf 'export PATH=%q:%q:"%s"\n' "${ROOT}/node_modules/.bin" "${ROOT}/.tools/node_modules/.bin" "\${PATH}"
		# The mirror of what dynos need, from bin/setup.
		printf 'export HEROKU_NIX_TOOLS=%q\n' "${ROOT}/.cache/tools/tools.lock.json"
	} > "${folder}/env"
}

# Makes a Git repository of the example, with its packages.
function demo::make_project() {
	local project="${folder}/${APP}"
	cp --recursive "${ROOT}/examples/flask" "${project}"
	"${project}/fetch-packages" >&2
	git -C "${project}" init --quiet --initial-branch=main
	git -C "${project}" add --all
	git -C "${project}" -c user.name=Example -c user.email=user@example.com commit --quiet --message "Hello from Nix"
}

# Runs a command after showing it, as a user would type it.
function demo::run() {
	printf '\n$ %s\n' "$*"
	"$@"
}

# Ends the stand-in and waits until it is gone, with its dynos.
function demo::stop() {
	local pid="$1"
	kill -TERM "${pid}" 2> /dev/null || return 0
	tail --pid="${pid}" --follow /dev/null
}

# What bin/demo does at its end. When it failed, it shows what the app and the stand-in said; --keep leaves those running.
function demo::end() {
	local status="$1"
	trap - EXIT INT TERM
	if ((status != 0 && status < 128)); then demo::explain_failure "${status}"; fi
	if [[ "${keep}" == true && -e "${folder}/env" ]] && ((status < 128)); then
		demo::explain
		exit "${status}"
	fi
	[[ -z "${standin_pid:-}" ]] || demo::stop "${standin_pid}"
	cd /
	rm --recursive --force "${folder}"
	exit "${status}"
}

function demo::explain_failure() {
	output::error "bin/demo ended with status $1."
	if [[ -e "${folder}/${APP}/.git/config" ]] && grep --quiet heroku "${folder}/${APP}/.git/config"; then
		echo "The app's log ends so:" >&2
		heroku logs --app "${APP}" --num 30 >&2 || true
	fi
	if [[ -s "${folder}/standin.log" ]]; then
		echo "The stand-in said:" >&2
		tail -n20 "${folder}/standin.log" >&2
	fi
}

function demo::explain() {
	cat <<- END

		It is all still running. To use it, with the real heroku CLI:

		    source ${folder}/env
		    cd ${folder}/${APP}
		    heroku ps
		    heroku logs
		    heroku run bash
		    heroku nix:build --help

		To stop it and remove what it left:

		    ${ROOT}/bin/demo --stop
	END
}

# Ends what an earlier `bin/demo --keep` left running.
function demo::stop_kept() {
	local pid
	if [[ ! -e "${KEPT}/pid" ]]; then
		output::error "Nothing is running that bin/demo --keep started."
		return 1
	fi
	pid="$(< "${KEPT}/pid")"
	# The number may be somebody else's by now.
	if grep --quiet --text standin "/proc/${pid}/cmdline" 2> /dev/null; then demo::stop "${pid}"; fi
	rm --recursive --force "${KEPT}"
}
